package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

func providerColumns() []column {
	return []column{{title: "Namespace", path: "namespace"}, {title: "RegistrationState", path: "registrationState"}}
}

func newProviderCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "provider", Short: "Resource providers",
		Long:    "See the resource providers of the hub and register them in the subscription. All are registered from the start; resources of one that has been unregistered cannot be made.",
		Example: "  fairlead provider list -o table",
	}
	list := &cobra.Command{
		Use: "list", Short: "List the resource providers",
		Long:    "List the resource providers with their resource types, locations and api-versions.",
		Example: "  fairlead provider list -o table",
		RunE:    func(command *cobra.Command, _ []string) error { return s.providerList(command.Context()) },
	}
	command.AddCommand(list,
		newProviderOne(s, "show", "Show a resource provider", ""),
		newProviderOne(s, "register", "Register a resource provider", "/register"),
		newProviderOne(s, "unregister", "Unregister a resource provider that has no resources left", "/unregister"))
	return command
}

func newProviderOne(s *session, use, short, action string) *cobra.Command {
	var namespace string
	var wait bool
	command := &cobra.Command{
		Use: use, Short: short,
		Long:    short + " by its namespace.",
		Example: "  fairlead provider " + use + " -n Microsoft.Kubernetes",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.providerOne(command.Context(), namespace, action)
		},
	}
	command.Flags().StringVarP(&namespace, "namespace", "n", "", "namespace, such as Microsoft.Kubernetes")
	mustFlag(command, "namespace")
	if action != "" {
		command.Flags().BoolVar(&wait, "wait", false, "accepted as az has it; a hub does it at once")
	}
	return command
}

// mustFlag makes a flag that the command has required.
func mustFlag(command *cobra.Command, name string) {
	if err := command.MarkFlagRequired(name); err != nil {
		panic(err) // the command has no such flag: a mistake in this package
	}
}

func (s *session) providerList(ctx context.Context) error {
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, "/subscriptions/"+subscription+"/providers", client.ProviderVersion, nil)
	if err != nil {
		return err
	}
	return s.list(all, providerColumns(), "This hub has no providers.")
}

func (s *session) providerOne(ctx context.Context, namespace, action string) error {
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	document := client.Document{}
	path := "/subscriptions/" + subscription + "/providers/" + url.PathEscape(namespace) + action
	if action == "" {
		err = hub.Get(ctx, path, client.ProviderVersion, &document)
	} else {
		err = hub.Post(ctx, path, client.ProviderVersion, nil, &document)
	}
	if err != nil {
		return err
	}
	return s.show(document, providerColumns())
}
