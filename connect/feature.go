package connect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// Feature is something that the agents do only where it is switched on; the names are those of az.
type Feature string

// The features.
const (
	ClusterConnect  Feature = "cluster-connect"
	AzureRBAC       Feature = "azure-rbac"
	CustomLocations Feature = "custom-locations"
)

// Features are all of them.
func Features() []Feature { return []Feature{ClusterConnect, AzureRBAC, CustomLocations} }

// customLocationsApp is the application of custom locations, in every cloud.
const customLocationsApp = "bc313c14-388c-4e7d-a58e-70017303ee3b"

// Switch is a position of a feature.
type Switch bool

// The positions.
const (
	On  Switch = true
	Off Switch = false
)

// The values of the chart that hold the features.
const (
	valueConnect         = "systemDefaultValues.clusterconnect-agent.enabled"
	valueRBAC            = "systemDefaultValues.guard.enabled"
	valueRBACMode        = "systemDefaultValues.guard.authnMode"
	valueRBACSkip        = "systemDefaultValues.guard.skipAuthzCheck"
	valueCustomLocations = "systemDefaultValues.customLocations.enabled"
	valueCustomOID       = "systemDefaultValues.customLocations.oid"
)

func (f Feature) value() string {
	return map[Feature]string{ClusterConnect: valueConnect, AzureRBAC: valueRBAC, CustomLocations: valueCustomLocations}[f]
}

// FeatureChange switches features of a connected cluster's agents. CustomLocationsOID and SkipRBAC are az's; the first is
// found out at the hub when it is empty.
type FeatureChange struct {
	Hub      *client.Hub
	Cluster  *Cluster
	ID       fairlead.ResourceID
	Features []Feature
	To       Switch
	Report   Reporter

	CustomLocationsOID, SkipRBAC string

	before *releasev1.Release
	after  *releasev1.Release
	tunnel tunnel
}

// Steps returns what the change takes.
func (f *FeatureChange) Steps() []Step {
	return []Step{
		{Name: "Reach the cluster", Run: func(ctx context.Context) (string, error) {
			if err := f.Cluster.direct(f.ID); err != nil {
				return "", err
			}
			return f.Cluster.Server, f.Cluster.belongs(ctx, f.Hub, f.ID)
		}},
		{Name: "Look at the release", Run: f.look},
		{Name: "Change the release", Run: f.change, Undo: f.goBack},
		{Name: "Wait for the agents", Run: f.settle},
		{Name: waitForTunnel, Run: f.awaitTunnel},
	}
}

func (f *FeatureChange) awaitTunnel(ctx context.Context) (string, error) {
	if !enabled(f.after, ClusterConnect) {
		return "cluster-connect is off", nil
	}
	return f.tunnel.await(ctx, f.Hub, f.ID, f.Report)
}

// Warning says that something is not yet as it should be, empty when all is well.
func (f *FeatureChange) Warning() string { return f.tunnel.missing }

// State is how the features are now, by their names.
func (f *FeatureChange) State() map[Feature]Switch {
	now := map[Feature]Switch{}
	for _, one := range Features() {
		now[one] = enabled(f.after, one)
	}
	return now
}

func (f *FeatureChange) look(ctx context.Context) (string, error) {
	helm, err := f.Cluster.helm()
	if err != nil {
		return "", err
	}
	f.before, err = helm.current()
	switch {
	case err != nil:
		return "", err
	case f.before == nil:
		return "", noRelease(f.ID)
	}
	if err := f.check(); err != nil {
		return "", err
	}
	if f.To == On && slices.Contains(f.Features, CustomLocations) && f.CustomLocationsOID == "" {
		if f.CustomLocationsOID, err = findCustomLocations(ctx, f.Hub); err != nil {
			return "", err
		}
	}
	return "version " + f.before.Chart.Metadata.Version, nil
}

// check applies az's rules: custom locations need cluster connect.
func (f *FeatureChange) check() error {
	off := f.To == Off && slices.Contains(f.Features, ClusterConnect) && !slices.Contains(f.Features, CustomLocations)
	if off && bool(enabled(f.before, CustomLocations)) && fmt.Sprint(lookup(f.before, valueCustomOID)) != "" {
		return fairlead.Errorf(fairlead.Conflict, "Disabling 'cluster-connect' feature is not allowed when 'custom-locations' feature is enabled. Switch both off:\n"+
			"  fairlead connectedk8s disable-features -n %s -g %s --features cluster-connect custom-locations", f.ID.Name(), f.ID.ResourceGroup).WithCode("FeatureNeeded")
	}
	return nil
}

func findCustomLocations(ctx context.Context, hub *client.Hub) (string, error) {
	found, err := hub.Principals(ctx, client.PrincipalFilter("appId", customLocationsApp))
	if err != nil {
		return "", fmt.Errorf("ask the hub for the application of custom locations (--custom-locations-oid gives its object id): %w", err)
	}
	if len(found) == 0 {
		return "", fairlead.Errorf(fairlead.NotFound, "the hub has no application of custom locations (%s): give its object id with --custom-locations-oid", customLocationsApp)
	}
	id, _ := found[0]["id"].(string)
	return id, nil
}

// values are what is laid over the values that the release has.
func (f *FeatureChange) values() map[string]any {
	values := map[string]any{}
	for _, one := range f.Features {
		put(values, one.value(), bool(f.To))
		switch {
		case f.To == Off:
		case one == AzureRBAC:
			put(values, valueRBACMode, "arc")
			put(values, valueRBACSkip, f.SkipRBAC)
		case one == CustomLocations:
			put(values, valueConnect, true)
			put(values, valueCustomOID, f.CustomLocationsOID)
		}
	}
	return values
}

// change upgrades the release with the chart that it has, so that a switch is never an upgrade of the agents.
func (f *FeatureChange) change(ctx context.Context) (string, error) {
	helm, err := f.Cluster.helm()
	if err != nil {
		return "", err
	}
	if err := helm.apply(ctx, f.before.Chart, f.values()); err != nil {
		return "", err
	}
	if f.after, err = helm.current(); err != nil {
		return "", err
	}
	if bool(enabled(f.after, ClusterConnect)) && !runs(f.after, fairlead.KubeAADProxy) {
		return "", fairlead.Errorf(fairlead.Invalid, "the agents in the cluster have version %s, which has no cluster connect: upgrade them first:\n  fairlead connectedk8s upgrade -n %s -g %s",
			f.before.Chart.Metadata.Version, f.ID.Name(), f.ID.ResourceGroup).WithCode("AgentsTooOld")
	}
	return fmt.Sprintf("release %s has revision %d", fairlead.ReleaseName, f.after.Version), nil
}

// goBack gives the release the values that it had.
func (f *FeatureChange) goBack(context.Context) error {
	helm, err := f.Cluster.helm()
	if err != nil {
		return err
	}
	now, err := helm.current()
	if err != nil || now == nil || now.Version == f.before.Version {
		return err
	}
	return helm.rollback(f.before.Version)
}

// enabled reports how a release has a feature: as somebody has said, else as its chart has it.
func enabled(release *releasev1.Release, feature Feature) Switch {
	return Switch(strings.EqualFold(fmt.Sprint(lookup(release, feature.value())), "true"))
}

func lookup(release *releasev1.Release, name string) any {
	if found, ok := find(release.Config, name); ok {
		return found
	}
	return defaultOf(release.Chart, name)
}

func defaultOf(chart *chartv2.Chart, name string) any {
	if chart == nil {
		return ""
	}
	found, ok := find(chart.Values, name)
	if !ok {
		return ""
	}
	return found
}

// find returns a value by its dotted name.
func find(values map[string]any, name string) (any, bool) {
	outer, rest, nested := strings.Cut(name, ".")
	found, ok := values[outer]
	if !nested || !ok {
		return found, ok && found != nil
	}
	inner, ok := found.(map[string]any)
	if !ok {
		return nil, false
	}
	return find(inner, rest)
}
