package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newResourceCreateCommand(s *session) *cobra.Command {
	var flags resourceFlags
	command := &cobra.Command{
		Use: "create", Short: "Create or replace a resource",
		Long: "Create a resource of any type, or replace it: for types that have no commands of their own, and for what those commands do not offer.\n\n" +
			"--properties holds its properties, or with --is-full-object the whole document.",
		Example: `  fairlead resource create -g shops -n aks-1 --resource-type Microsoft.ContainerService/managedClusters --properties @cluster.json
  fairlead resource show --ids "$ID" | fairlead resource create --id "$ID" --is-full-object --properties @-`,
		RunE: func(command *cobra.Command, _ []string) error { return s.resourceCreate(command.Context(), flags) },
	}
	kindFlags(command, &flags)
	set := command.Flags()
	set.StringVar(&flags.id, "id", "", "id of the resource, in place of its group, type and name")
	set.StringVarP(&flags.location, "location", "l", "", "its location (default: that of its group)")
	set.StringVarP(&flags.properties, "properties", "p", "", "its properties as JSON, @FILE to read them from a file, @- from the input")
	set.BoolVar(&flags.full, "is-full-object", false, "--properties holds the whole document: location, tags, properties")
	set.StringVar(&flags.version, "api-version", "", "api-version (default: the newest that is no preview)")
	mustFlag(command, "properties")
	command.MarkFlagsOneRequired("id", "name")
	command.MarkFlagsMutuallyExclusive("id", "name")
	return command
}

func newResourceDeleteCommand(s *session) *cobra.Command {
	var flags resourceFlags
	command := &cobra.Command{
		Use: "delete", Short: "Delete resources",
		Long: "Delete the resources that --ids names, or one by its group, type and name. A cluster's commands do more: they also take its agents away.",
		Example: `  fairlead resource delete -g shops -n aks-1 --resource-type Microsoft.ContainerService/managedClusters
  fairlead resource delete --ids $(fairlead resource list --tag env=test --query [].id -o tsv) --no-wait`,
		RunE: func(command *cobra.Command, _ []string) error { return s.resourceDelete(command.Context(), flags) },
	}
	kindFlags(command, &flags)
	idFlags(command, &flags)
	command.Flags().StringVar(&flags.version, "api-version", "", "api-version (default: the newest that is no preview)")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait until it is gone")
	return command
}

func (s *session) resourceCreate(ctx context.Context, flags resourceFlags) error {
	body, err := s.resourceBody(flags)
	if err != nil {
		return err
	}
	if flags.id != "" {
		flags.ids = []string{flags.id}
	}
	return s.eachResource(ctx, flags, func(hub *signedIn, id fairlead.ResourceID) error {
		version, err := hub.version(ctx, id, flags.version)
		if err != nil {
			return err
		}
		if err := hub.locate(ctx, id, body); err != nil {
			return err
		}
		made := client.Document{}
		if err := hub.Put(ctx, id.String(), version, body, &made); err != nil {
			return err
		}
		made["resourceGroup"] = id.ResourceGroup
		return s.show(made, resourceColumns())
	})
}

// resourceBody is the document that the flags describe.
func (s *session) resourceBody(flags resourceFlags) (client.Document, error) {
	content, err := s.readArgument("--properties", flags.properties)
	if err != nil {
		return nil, err
	}
	var given client.Document
	if err := json.Unmarshal(content, &given); err != nil {
		return nil, usagef("--properties is not a JSON object: %w", notJSON(content, err))
	}
	if given == nil {
		return nil, usagef("--properties is not a JSON object: it is null")
	}
	body := given
	if !flags.full {
		body = client.Document{"properties": given}
	}
	if flags.location != "" {
		body["location"] = flags.location
	}
	return body, nil
}

// locate puts what has no location where its group is. What lies in another resource has none of its own.
func (h *signedIn) locate(ctx context.Context, id fairlead.ResourceID, body client.Document) error {
	if body["location"] != nil || id.ResourceGroup == "" || id.Scope != "" || len(id.Types) > 1 {
		return nil
	}
	group := client.Document{}
	if err := h.Get(ctx, fairlead.ResourceID{Subscription: id.Subscription, ResourceGroup: id.ResourceGroup}.String(), client.GroupVersion, &group); err != nil {
		return err
	}
	body["location"] = group["location"]
	return nil
}

func (s *session) resourceDelete(ctx context.Context, flags resourceFlags) error {
	return s.eachResource(ctx, flags, func(hub *signedIn, id fairlead.ResourceID) error {
		version, err := hub.version(ctx, id, flags.version)
		if err != nil {
			return err
		}
		return s.remove(ctx, hub, id.String(), version, flags.noWait)
	})
}
