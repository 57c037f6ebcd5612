package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
)

// objectFlags name an object that a configuration has brought into its cluster.
type objectFlags struct {
	fluxFlags
	object, namespace, kind string
}

func objectColumns() []column {
	return []column{
		{title: "Kind", path: "kind"},
		{title: "Namespace", path: "namespace"},
		{title: "Name", path: "name"},
		{title: "ComplianceState", path: "complianceState"},
		{title: "AppliedBy", path: "appliedBy.name"},
		{title: "Message", path: "statusConditions[?type=='Ready']|[0].message"},
	}
}

func newDeployedObjectCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "deployed-object", Short: "Objects that a configuration has brought into its cluster",
		Long:    "See the Flux objects of a configuration and what their controllers say of them, as the cluster last reported it.",
		Example: "  fairlead k8s-configuration flux deployed-object list -g shops -c edge-1 -t connectedClusters -n shop -o table",
	}
	command.AddCommand(newObjectListCommand(s), newObjectShowCommand(s))
	return command
}

func newObjectListCommand(s *session) *cobra.Command {
	var flags fluxFlags
	command := &cobra.Command{
		Use: "list", Short: "List the objects of a configuration",
		Long:    "List the objects of a configuration with the state of each.",
		Example: "  fairlead k8s-configuration flux deployed-object list -g shops -c edge-1 -t connectedClusters -n shop --query \"[?complianceState!='Compliant']\" -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			all, err := s.objectsOf(command.Context(), flags)
			if err != nil {
				return err
			}
			if len(all) == 0 && s.output == "" && s.query == "" && s.streams.terminal(s.streams.Out) {
				return s.say(s.streams.Out, "The cluster has reported no objects yet. See how it goes: fairlead k8s-configuration flux show"+flags.words()+" --watch")
			}
			return s.show(all, objectColumns())
		},
	}
	nameFlux(command, &flags)
	return command
}

func (s *session) objectsOf(ctx context.Context, flags fluxFlags) ([]fairlead.FluxObject, error) {
	hub, id, err := s.locateFlux(ctx, flags)
	if err != nil {
		return nil, err
	}
	found, err := hub.Flux(ctx, id)
	if err != nil {
		return nil, flags.notThere(err)
	}
	if found.Properties.Statuses == nil {
		return []fairlead.FluxObject{}, nil
	}
	return found.Properties.Statuses, nil
}

func newObjectShowCommand(s *session) *cobra.Command {
	var flags objectFlags
	command := &cobra.Command{
		Use: "show", Short: "Show an object of a configuration",
		Long: "Show one object of a configuration with the conditions that its controller set. The exit code is 3 when there is none like that.",
		Example: `  fairlead k8s-configuration flux deployed-object show -g shops -c edge-1 -t connectedClusters -n shop \
    --object-kind Kustomization --object-namespace shop --object-name shop-infra`,
		RunE: func(command *cobra.Command, _ []string) error {
			all, err := s.objectsOf(command.Context(), flags.fluxFlags)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(all, func(one fairlead.FluxObject) bool {
				return one.Name == flags.object && one.Namespace == flags.namespace && strings.EqualFold(one.Kind, flags.kind)
			})
			if at < 0 {
				missing := fairlead.Errorf(fairlead.NotFound, "the configuration %s has no %.60s %.100s in namespace %.100s", flags.name, flags.kind, flags.object, flags.namespace)
				return &hinted{missing, "fairlead k8s-configuration flux deployed-object list" + flags.words()}
			}
			return s.show(all[at], objectColumns())
		},
	}
	nameFlux(command, &flags.fluxFlags)
	set := command.Flags()
	set.StringVar(&flags.object, "object-name", "", "name of the object")
	set.StringVar(&flags.namespace, "object-namespace", "", "namespace of the object")
	set.StringVar(&flags.kind, "object-kind", "", "kind of the object, such as Kustomization or GitRepository")
	for _, name := range []string{"object-name", "object-namespace", "object-kind"} {
		mustFlag(command, name)
	}
	_ = command.RegisterFlagCompletionFunc("object-kind", cobra.FixedCompletions(fluxKinds(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

// fluxKinds are the kinds of Flux' own objects that configurations have, or apply.
func fluxKinds() []string {
	return []string{"GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart", "HelmRelease", "Kustomization", "ImageRepository", "ImagePolicy", "ImageUpdateAutomation"}
}
