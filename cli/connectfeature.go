package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/connect"
)

// switchFlags are what enable-features and disable-features can be told.
type switchFlags struct {
	clusterFlags
	features           []string
	oid, skipAzureRBAC string
}

// featureResult is how the features of a cluster are after a change.
type featureResult struct {
	Name               string `json:"name"`
	ResourceGroup      string `json:"resourceGroup"`
	ClusterConnect     bool   `json:"clusterConnect"`
	AzureRBAC          bool   `json:"azureRbac"`
	CustomLocations    bool   `json:"customLocations"`
	CustomLocationsOID string `json:"customLocationsOid,omitempty"`
}

func switchColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "ResourceGroup", path: "resourceGroup"},
		{title: "ClusterConnect", path: "clusterConnect"},
		{title: "AzureRBAC", path: "azureRbac"},
		{title: "CustomLocations", path: "customLocations"},
	}
}

func newEnableFeaturesCommand(s *session) *cobra.Command {
	var flags switchFlags
	command := &cobra.Command{
		Use: "enable-features", Short: "Switch features of a connected cluster on",
		Long: `Switch features on in the agents of a connected cluster, whose kubeconfig is needed: by an upgrade of their Helm release with
the chart that it has. It waits until the agents run so, and goes back when they do not.

  cluster-connect    people reach the cluster's API through the hub (on from the start)
  azure-rbac         the hub's roles say what they may do there, before the cluster's own RBAC does
  custom-locations   for custom locations; switches cluster-connect on, too`,
		Example: `  fairlead connectedk8s enable-features -n edge-1 -g shops --features cluster-connect
  fairlead connectedk8s enable-features -n edge-1 -g shops --features azure-rbac
  fairlead connectedk8s enable-features -n edge-1 -g shops --custom-locations-oid OBJECT_ID --features cluster-connect custom-locations`,
		RunE: func(command *cobra.Command, _ []string) error {
			return s.switchFeatures(command.Context(), flags, connect.On)
		},
	}
	s.nameFeatures(command, &flags)
	set := command.Flags()
	set.StringVar(&flags.oid, "custom-locations-oid", "", "object id of the application of custom locations (default: the hub is asked)")
	set.StringVar(&flags.skipAzureRBAC, "skip-azure-rbac-list", "", "user names, mail addresses and object ids, separated by commas, to whom azure-rbac is not to apply")
	set.BoolVarP(&flags.yes, "yes", "y", false, "accepted as az has it; switching on asks nothing")
	return command
}

func newDisableFeaturesCommand(s *session) *cobra.Command {
	var flags switchFlags
	command := &cobra.Command{
		Use: "disable-features", Short: "Switch features of a connected cluster off",
		Long: `Switch features off in the agents of a connected cluster, whose kubeconfig is needed. What uses them stops working: without
cluster-connect nobody reaches the cluster through the hub. It cannot be switched off while custom-locations are on.`,
		Example: `  fairlead connectedk8s disable-features -n edge-1 -g shops --features azure-rbac
  fairlead connectedk8s disable-features -n edge-1 -g shops --features cluster-connect custom-locations --yes`,
		RunE: func(command *cobra.Command, _ []string) error {
			return s.switchFeatures(command.Context(), flags, connect.Off)
		},
	}
	s.nameFeatures(command, &flags)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	return command
}

func (s *session) nameFeatures(command *cobra.Command, flags *switchFlags) {
	nameCluster(command, &flags.clusterFlags)
	reachWith(command, &flags.clusterFlags)
	command.Flags().Var(&words{into: &flags.features, also: ", "}, "features", "features, separated by blanks or commas: "+strings.Join(featureNames(), ", "))
	_ = command.RegisterFlagCompletionFunc("features", cobra.FixedCompletions(featureNames(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	mustFlag(command, "features")
}

func featureNames() []string {
	all := connect.Features()
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = string(one)
	}
	return names
}

func (f *switchFlags) read(s *session, to connect.Switch) ([]connect.Feature, error) {
	var wanted []connect.Feature
	for _, name := range f.features {
		one := connect.Feature(strings.ToLower(name))
		if !slices.Contains(connect.Features(), one) {
			return nil, usagef("--features: %q is none of %s", name, strings.Join(featureNames(), ", "))
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	if len(wanted) == 0 {
		return nil, usagef("--features: name at least one of %s", strings.Join(featureNames(), ", "))
	}
	if to == connect.On && slices.Contains(wanted, connect.CustomLocations) && !slices.Contains(wanted, connect.ClusterConnect) {
		s.warn("Enabling 'custom-locations' feature will enable 'cluster-connect' feature too.")
	}
	return wanted, nil
}

func (s *session) switchFeatures(ctx context.Context, flags switchFlags, to connect.Switch) error {
	wanted, err := flags.read(s, to)
	if err != nil {
		return err
	}
	hub, id, err := s.locate(ctx, flags.clusterFlags)
	if err != nil {
		return err
	}
	cluster, err := connect.OpenCluster(flags.kubeconfig, flags.kubecontext)
	if err != nil {
		return err
	}
	if to == connect.Off && !flags.yes {
		question := "Disabling few of the features may adversely impact dependent resources. Disable " + strings.Join(flags.features, ", ") + " of " + id.Name() + "?"
		if err := s.confirm(ctx, question); err != nil {
			return err
		}
	}
	change := &connect.FeatureChange{
		Hub: hub.Hub, Cluster: cluster, ID: id, Features: wanted, To: to, Report: s.progress(), CustomLocationsOID: flags.oid, SkipRBAC: flags.skipAzureRBAC,
	}
	if err := connect.Run(ctx, change.Report, change.Steps()); err != nil {
		return err
	}
	s.warnOf(change.Warning())
	return s.tellFeatures(change, id)
}

func (s *session) tellFeatures(change *connect.FeatureChange, id fairlead.ResourceID) error {
	done := "enabled"
	if change.To == connect.Off {
		done = "disabled"
	}
	names := make([]string, len(change.Features))
	for i, one := range change.Features {
		names[i] = string(one)
	}
	now := change.State()
	result := featureResult{
		Name: id.Name(), ResourceGroup: id.ResourceGroup, ClusterConnect: bool(now[connect.ClusterConnect]), AzureRBAC: bool(now[connect.AzureRBAC]),
		CustomLocations: bool(now[connect.CustomLocations]), CustomLocationsOID: change.CustomLocationsOID,
	}
	return s.tell("Successfully "+done+" features: "+strings.Join(names, ", ")+" for the Connected Cluster "+id.Name()+".\n"+switchedOnNow(now), result, switchColumns())
}

// switchedOnNow lists the features that are on.
func switchedOnNow(now map[connect.Feature]connect.Switch) string {
	var all []string
	for _, one := range connect.Features() {
		if now[one] == connect.On {
			all = append(all, string(one))
		}
	}
	if len(all) == 0 {
		return "No feature is on now."
	}
	return "On now: " + strings.Join(all, ", ") + "."
}

// featureStateColumns are how the features of a cluster are, as its agents have told the hub.
func featureStateColumns() []column {
	return []column{
		{title: "ClusterConnect", path: "properties.clusterConnect.state"},
		{title: "Tunnel", path: "properties.clusterConnect.tunnel"},
		{title: "AzureRBAC", path: "properties.clusterConnect.azureRbac"},
	}
}

func (s *session) warnOf(text string) {
	if text != "" {
		s.warn("%s", text)
	}
}
