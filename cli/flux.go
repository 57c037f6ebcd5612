package cli

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func fluxColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "Namespace", path: "properties.namespace"},
		{title: "Scope", path: "properties.scope"},
		{title: "ProvisioningState", path: "properties.provisioningState"},
		{title: "ComplianceState", path: "properties.complianceState"},
		{title: "SourceSynced", path: "properties.sourceSyncedCommitId"},
		{title: "SourceUpdated", path: "properties.sourceUpdatedAt", write: clockTime},
		{title: "Error", path: "properties.errorMessage", write: beginning},
	}
}

func newConfigurationCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "k8s-configuration", Short: "GitOps: clusters that follow a repository",
		Long: `Describe a repository, or another source, and folders of it at the hub, and have clusters follow them with Flux. Configurations of Flux v1,
which is retired, are seen, migrated and removed here as well.`,
		Example: `  fairlead k8s-configuration flux create -g shops -c edge-1 -t connectedClusters -n shop --namespace shop \
    -u https://git.example.org/shop.git --branch main -k name=infra path=./infra prune=true
  fairlead k8s-configuration flux show -g shops -c edge-1 -t connectedClusters -n shop --watch`,
	}
	command.AddCommand(newFluxCommand(s), newSourceControlCreateCommand(s), newSourceControlShowCommand(s), newSourceControlListCommand(s),
		newSourceControlDeleteCommand(s), newSourceControlMigrateCommand(s))
	return command
}

func newFluxCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "flux", Short: "Configurations of Flux",
		Long: `Create, see, change and remove configurations of Flux. The hub installs Flux itself (extension microsoft.flux) in a cluster that gets its first
configuration; the objects there are ordinary ones, with which Flux' own tools work.`,
		Example: "  fairlead k8s-configuration flux list -g shops -c edge-1 -t connectedClusters -o table",
	}
	command.AddCommand(newFluxCreateCommand(s), newFluxShowCommand(s), newFluxListCommand(s), newFluxUpdateCommand(s), newFluxDeleteCommand(s),
		newKustomizationCommand(s), newDeployedObjectCommand(s), newFluxLogsCommand(s))
	return command
}

// fluxFlags name a configuration and its cluster.
type fluxFlags struct{ extensionFlags }

func nameFlux(command *cobra.Command, flags *fluxFlags) {
	nameExtensionCluster(command, &flags.extensionFlags)
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name of the configuration")
	command.Flags().StringVar(&flags.correlation, "correlation-id", "", "id by which the hub's log can be searched for this run")
	mustFlag(command, "name")
}

// fluxName is what names a configuration or a kustomization: names of objects begin with it.
const (
	fluxName    = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	maxFluxName = 63
)

func checkFluxName(flag, name string) error {
	if len(name) <= maxFluxName && regexp.MustCompile(fluxName).MatchString(name) {
		return nil
	}
	return usagef("%s: %.100q is no name for it: a name has 1 to %d lower-case letters, digits, '-' and '.', and a letter or digit at both ends and beside each '.'",
		flag, name, maxFluxName)
}

// locateFlux returns the hub and the id of the configuration that the flags name.
func (s *session) locateFlux(ctx context.Context, flags fluxFlags) (*signedIn, fairlead.ResourceID, error) {
	if err := checkFluxName("--name/-n", flags.name); err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	hub, cluster, err := s.locateExtensionCluster(ctx, flags.extensionFlags)
	return hub, client.FluxID(cluster, flags.name), err
}

// notThere says where the right names are to be found.
func (f fluxFlags) notThere(err error) error {
	if fairlead.CodeOf(err) != "ResourceNotFound" {
		return err
	}
	return &hinted{err, "fairlead k8s-configuration flux list" + f.clusterWords() + "   (is the kind of the cluster right?)"}
}

type fluxShowFlags struct {
	fluxFlags
	watch bool
}

func newFluxShowCommand(s *session) *cobra.Command {
	var flags fluxShowFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a configuration",
		Long: `Show a configuration as its cluster last reported it: whether it is as it should be (complianceState), which revision of the source it has,
and the state of its objects. Protected settings are shown by their names only. With --watch, a line is written whenever something
changes, until Ctrl-C; with -o or --query, all of it is. The exit code is 3 when there is none of that name.`,
		Example: `  fairlead k8s-configuration flux show -g shops -c edge-1 -t connectedClusters -n shop --query properties.complianceState -o tsv
  fairlead k8s-configuration flux show -g shops -c edge-1 -t connectedClusters -n shop --watch`,
		RunE: func(command *cobra.Command, _ []string) error {
			hub, id, err := s.locateFlux(command.Context(), flags.fluxFlags)
			if err != nil {
				return err
			}
			if flags.watch {
				return flags.notThere(s.watchFlux(command.Context(), hub, id))
			}
			return flags.notThere(s.showFlux(command.Context(), hub, id))
		},
	}
	nameFlux(command, &flags.fluxFlags)
	command.Flags().BoolVarP(&flags.watch, "watch", "w", false, "go on, and write a line whenever something changes")
	return command
}

func newFluxListCommand(s *session) *cobra.Command {
	var flags fluxFlags
	command := &cobra.Command{
		Use: "list", Short: "List the configurations of a cluster",
		Long:    "List the configurations of Flux on a cluster, as the cluster last reported them.",
		Example: "  fairlead k8s-configuration flux list -g shops -c edge-1 -t connectedClusters -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.listOnCluster(command.Context(), flags.extensionFlags, onCluster{
				below: client.FluxBelow, version: client.FluxVersion, columns: fluxColumns(),
				none: "No configurations. Create one: fairlead k8s-configuration flux create -g GROUP -c CLUSTER -t KIND -n NAME -u URL --branch BRANCH",
			})
		},
	}
	nameExtensionCluster(command, &flags.extensionFlags)
	return command
}

type fluxDeleteFlags struct {
	fluxFlags
	force       *bool
	noWait, yes bool
}

func newFluxDeleteCommand(s *session) *cobra.Command {
	var flags fluxDeleteFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove a configuration",
		Long: `Remove a configuration: the cluster stops following the source, and removes what kustomizations with prune have applied. The command waits
until that is done. When there is none of that name, there is nothing to do.

--force makes the hub forget the configuration whatever its cluster says; what it made stays in the cluster.`,
		Example: `  fairlead k8s-configuration flux delete -g shops -c edge-1 -t connectedClusters -n shop --yes
  fairlead k8s-configuration flux delete -g shops -c edge-1 -t connectedClusters -n shop --force --yes`,
		RunE: func(command *cobra.Command, _ []string) error { return s.fluxDelete(command.Context(), flags) },
	}
	nameFlux(command, &flags.fluxFlags)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait until it is gone")
	offerTristate(command, &flags.force, "force", "forget it whatever its cluster says, and leave behind what it made")
	return command
}

func (s *session) fluxDelete(ctx context.Context, flags fluxDeleteFlags) error {
	hub, id, err := s.locateFlux(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	found, err := hub.Flux(ctx, id)
	if fairlead.CodeOf(err) == "ResourceNotFound" {
		s.warn("No flux configuration with name '%s' found on cluster '%s', so nothing to delete", flags.name, flags.cluster)
		return nil
	}
	if err != nil {
		return err
	}
	forced := flags.force != nil && *flags.force
	if !flags.yes {
		if err := s.confirm(ctx, fluxQuestion(flags, found, forced)); err != nil {
			return err
		}
	}
	var begun *client.Begun
	if forced {
		begun, err = hub.BeginForgetFlux(ctx, id)
	} else {
		begun, err = hub.BeginFlux(ctx, http.MethodDelete, id, nil)
	}
	if err != nil {
		return err
	}
	if !forced {
		s.warnLate(ctx, hub, id)
	}
	if flags.noWait {
		return s.say(s.streams.Err, flags.name+" is being removed. See how that goes:\n  fairlead k8s-configuration flux show"+flags.words())
	}
	if err := s.seeFlux(ctx, fluxWait{hub, id, "Remove " + flags.name + " from " + flags.cluster, flags.fluxFlags}, begun, nil); err != nil {
		return err
	}
	if forced {
		s.warn("the hub has forgotten %s; its Flux objects in namespace %s, and what they applied, stay in %s", flags.name, found.Properties.Namespace, flags.cluster)
		return nil
	}
	return s.say(s.streams.Err, flags.name+" is removed from "+flags.cluster+".")
}

//nolint:revive // the flag is what the question is about
func fluxQuestion(flags fluxDeleteFlags, found client.Flux, forced bool) string {
	if forced {
		return "Forget configuration " + flags.name + " of " + flags.cluster + " and leave behind what it made?"
	}
	var pruned []string
	for name, one := range found.Properties.Kustomizations {
		if one.Prune {
			pruned = append(pruned, name)
		}
	}
	if len(pruned) > 0 {
		return "Remove configuration " + flags.name + " from " + flags.cluster + ", with all that was applied by its kustomizations with prune (" + strings.Join(sortedWords(pruned), ", ") + ")?"
	}
	return "Remove configuration " + flags.name + " from " + flags.cluster + "? What it applied stays."
}
