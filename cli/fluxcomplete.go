package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

// fluxNames are those of the configurations of the cluster that the command line names so far: those of Flux v1 for its commands.
func (s *session) fluxNames(ctx context.Context, command *cobra.Command) []string {
	flags := extensionFlags{group: flagText(command, "resource-group"), cluster: flagText(command, "cluster-name"), kind: flagText(command, "cluster-type")}
	hub, cluster, err := s.quiet().locateExtensionCluster(ctx, flags)
	if err != nil {
		return nil
	}
	path, version := client.FluxBelow(cluster), client.FluxVersion
	if command.Parent() != nil && command.Parent().Name() == "k8s-configuration" {
		path, version = client.SourceControlBelow(cluster), client.SourceControlVersion
	}
	all, err := hub.List(ctx, path, version, nil)
	if err != nil {
		return nil
	}
	return properties(all, "name")
}

// kustomizationNames are those of the configuration that the command line names so far.
func (s *session) kustomizationNames(ctx context.Context, command *cobra.Command) []string {
	flags := fluxFlags{extensionFlags{
		group: flagText(command, "resource-group"), cluster: flagText(command, "cluster-name"), kind: flagText(command, "cluster-type"), name: flagText(command, "name"),
	}}
	_, _, all, err := s.quiet().kustomizationsOf(ctx, flags)
	if err != nil {
		return nil
	}
	return sortedKeys(all)
}
