package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

func featureColumns() []column {
	return []column{{title: "Name", path: "name"}, {title: "RegistrationState", path: "properties.state"}}
}

func newFeatureCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "feature", Short: "Preview features of resource providers",
		Long:    "See which preview features the subscription has registered, and register them. Nobody has to approve it, so it takes effect at once.",
		Example: "  fairlead feature register --namespace Microsoft.Kubernetes --name previewName\n  fairlead feature list -o table",
	}
	var namespace string
	list := &cobra.Command{
		Use: "list", Short: "List the preview features",
		Long:    "List the preview features that have been registered in the subscription at some time.",
		Example: "  fairlead feature list -o table\n  fairlead feature list --namespace Microsoft.Kubernetes",
		RunE:    func(command *cobra.Command, _ []string) error { return s.featureList(command.Context(), namespace) },
	}
	list.Flags().StringVar(&namespace, "namespace", "", "only those of this provider, such as Microsoft.Kubernetes")
	command.AddCommand(list,
		newFeatureOne(s, "show", "Show a preview feature"), newFeatureOne(s, "register", "Register a preview feature"),
		newFeatureOne(s, "unregister", "End the registration of a preview feature"))
	return command
}

func newFeatureOne(s *session, use, short string) *cobra.Command {
	var namespace, name string
	command := &cobra.Command{
		Use: use, Short: short,
		Long:    short + " of a resource provider in the subscription.",
		Example: "  fairlead feature " + use + " --namespace Microsoft.Kubernetes --name previewName",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.featureOne(command.Context(), namespace, name, use)
		},
	}
	command.Flags().StringVar(&namespace, "namespace", "", "namespace of the provider, such as Microsoft.Kubernetes")
	command.Flags().StringVarP(&name, "name", "n", "", "name of the feature")
	mustFlag(command, "namespace")
	mustFlag(command, "name")
	return command
}

func featurePath(subscription, namespace string) string {
	path := "/subscriptions/" + subscription + "/providers/Microsoft.Features"
	if namespace != "" {
		path += "/providers/" + url.PathEscape(namespace)
	}
	return path + "/features"
}

func (s *session) featureList(ctx context.Context, namespace string) error {
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, featurePath(subscription, namespace), client.FeatureVersion, nil)
	if err != nil {
		return err
	}
	return s.list(all, featureColumns(), "No preview feature has been registered here.")
}

func (s *session) featureOne(ctx context.Context, namespace, name, action string) error {
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	document := client.Document{}
	path := featurePath(subscription, namespace) + "/" + url.PathEscape(name)
	if action == "show" {
		err = hub.Get(ctx, path, client.FeatureVersion, &document)
	} else {
		err = hub.Post(ctx, path+"/"+action, client.FeatureVersion, nil, &document)
	}
	if err != nil {
		return err
	}
	return s.show(document, featureColumns())
}
