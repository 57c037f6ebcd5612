package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

// extensionNames are those of the cluster that the command line names so far.
func (s *session) extensionNames(ctx context.Context, command *cobra.Command) []string {
	flags := extensionFlags{group: flagText(command, "resource-group"), cluster: flagText(command, "cluster-name"), kind: flagText(command, "cluster-type")}
	hub, cluster, err := s.quiet().locateExtensionCluster(ctx, flags)
	if err != nil {
		return nil
	}
	all, err := hub.List(ctx, cluster.String()+"/providers/"+client.ConfigurationProvider+"/extensions", client.ExtensionVersion, nil)
	if err != nil {
		return nil
	}
	return properties(all, "name")
}

func flagText(command *cobra.Command, name string) string {
	if flag := command.Flags().Lookup(name); flag != nil {
		return flag.Value.String()
	}
	return ""
}

func (s *session) extensionTypeNames(ctx context.Context, _ *cobra.Command) []string {
	hub, err := s.quiet().hub()
	if err != nil {
		return nil
	}
	all, err := hub.List(ctx, client.ExtensionTypesPath, client.ExtensionTypeVersion, nil)
	if err != nil {
		return nil
	}
	return properties(all, "name")
}

// completeTypes offers types as arguments.
func (s *session) completeTypes(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(command.Context()), completeTimeout)
	defer cancel()
	return s.extensionTypeNames(ctx, command), cobra.ShellCompDirectiveNoFileComp
}

// extensionVersions and extensionTrains are those of the type that the command line names so far.
func (s *session) extensionVersions(ctx context.Context, command *cobra.Command) []string {
	return s.ofVersions(ctx, command, func(version client.Document) string { return first(text(version, "version"), text(version, "name")) })
}

func (s *session) extensionTrains(ctx context.Context, command *cobra.Command) []string {
	return s.ofVersions(ctx, command, func(version client.Document) string { return text(version, "releaseTrain") })
}

func (s *session) ofVersions(ctx context.Context, command *cobra.Command, of func(client.Document) string) []string {
	kind := flagText(command, "extension-type")
	hub, err := s.quiet().hub()
	if err != nil || checkTypeName(kind) != nil {
		return nil
	}
	all, err := hub.List(ctx, client.ExtensionTypeID(kind).String()+"/versions", client.ExtensionTypeVersion, nil)
	if err != nil {
		return nil
	}
	var found []string
	for _, one := range all {
		inner, _ := one["properties"].(map[string]any)
		if word := of(inner); word != "" && !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	return found
}
