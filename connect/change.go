package connect

import (
	"context"
	"fmt"
	"strings"
	"time"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// AutoUpgrade says whether the hub may upgrade the agents by itself.
type AutoUpgrade string

// The settings of AutoUpgrade; the empty one leaves it as it is.
const (
	AutoUpgradeUnchanged AutoUpgrade = ""
	AutoUpgradeEnabled   AutoUpgrade = "Enabled"
	AutoUpgradeDisabled  AutoUpgrade = "Disabled"
)

// Changes are what an update changes; empty fields are left as they are, and Tags when nil.
type Changes struct {
	Tags                                              map[string]string
	Distribution, DistributionVersion, Infrastructure string
	AutoUpgrade                                       AutoUpgrade
	SessionRecording, SessionRecordingInput           string // Enabled or Disabled; empty to leave it
	Proxy                                             Proxy
	DisableProxy                                      bool
}

// Update changes a connected cluster, at the hub and, where the agents are concerned, in the cluster. Cluster is
// needed when NeedsCluster says so.
type Update struct {
	Hub     *client.Hub
	Cluster *Cluster
	ID      fairlead.ResourceID
	Changes Changes
	Report  Reporter

	stored fairlead.ConnectedCluster
}

// NeedsCluster reports whether a change has to be made in the cluster, too.
func (c Changes) NeedsCluster() bool {
	return len(c.Proxy.protected()) > 0 || c.DisableProxy || c.AutoUpgrade != AutoUpgradeUnchanged
}

// Result is the cluster as the hub had it last.
func (u *Update) Result() fairlead.ConnectedCluster { return u.stored }

// Steps returns what the changes take.
func (u *Update) Steps() []Step {
	steps := []Step{{Name: "Change at the hub", Run: u.change}}
	if !u.Changes.NeedsCluster() {
		return steps
	}
	return append([]Step{{Name: "Reach the cluster", Run: func(ctx context.Context) (string, error) {
		return u.Cluster.Server, u.Cluster.belongs(ctx, u.Hub, u.ID)
	}}}, append(steps, Step{Name: "Change the agents", Run: u.apply})...)
}

func (u *Update) change(ctx context.Context) (string, error) {
	properties := client.Document{}
	for name, value := range map[string]string{
		"distribution": u.Changes.Distribution, "distributionVersion": u.Changes.DistributionVersion, "infrastructure": u.Changes.Infrastructure,
	} {
		if value != "" {
			properties[name] = value
		}
	}
	if u.Changes.AutoUpgrade != AutoUpgradeUnchanged {
		properties["arcAgentProfile"] = client.Document{"agentAutoUpgrade": string(u.Changes.AutoUpgrade)}
	}
	recording := client.Document{}
	for name, value := range map[string]string{"sessionRecording": u.Changes.SessionRecording, "sessionRecordingInput": u.Changes.SessionRecordingInput} {
		if value != "" {
			recording[name] = value
		}
	}
	if len(recording) > 0 {
		properties["clusterConnect"] = recording
	}
	body := client.Document{"properties": properties}
	if u.Changes.Tags != nil {
		body["tags"] = u.Changes.Tags
	}
	answer := client.Document{}
	if err := u.Hub.Patch(ctx, u.ID.String(), client.ClusterVersion, body, &answer); err != nil {
		return "", err
	}
	if err := client.Decode(answer, &u.stored); err != nil {
		return "", err
	}
	if len(recording) == 0 {
		return "", nil
	}
	now, err := ReadRecording(answer)
	return now.String(), err
}

// apply upgrades the release with the chart that it has, so that a change of settings is never an upgrade.
func (u *Update) apply(ctx context.Context) (string, error) {
	helm, err := u.Cluster.helm()
	if err != nil {
		return "", err
	}
	release, err := helm.current()
	if err != nil {
		return "", err
	}
	if release == nil {
		return "", noRelease(u.ID)
	}
	settings, err := u.Hub.HelmSettings(ctx, question(u.stored, u.Changes.Proxy), releaseTrain)
	if err != nil {
		return "", err
	}
	values := map[string]any{}
	if u.Changes.AutoUpgrade != AutoUpgradeUnchanged {
		put(values, "systemDefaultValues.azureArcAgents.autoUpdate", u.Changes.AutoUpgrade == AutoUpgradeEnabled)
	}
	if err := overlay(values, settings.HelmValues, u.Changes.Proxy); err != nil {
		return "", err
	}
	switch {
	case u.Changes.DisableProxy:
		put(values, "global.isProxyEnabled", false)
	case len(u.Changes.Proxy.protected()) > 0:
		put(values, "global.isProxyEnabled", true)
	}
	return "release " + fairlead.ReleaseName + " upgraded", helm.apply(ctx, release.Chart, values)
}

func noRelease(id fairlead.ResourceID) error {
	return fairlead.Errorf(fairlead.Conflict, "the cluster has no release %s in namespace %s: connect it again:\n  fairlead connectedk8s connect -n %s -g %s",
		fairlead.ReleaseName, fairlead.ReleaseNamespace, id.Name(), id.ResourceGroup).WithCode("ReleaseMissing")
}

// belongs makes sure that the cluster can be reached and is the one that the hub means.
func (k *Cluster) belongs(ctx context.Context, hub *client.Hub, id fairlead.ResourceID) error {
	if _, err := k.reach(ctx); err != nil {
		return err
	}
	claimed, err := k.claimed(ctx)
	if err != nil {
		return err
	}
	endpoints, err := hub.Endpoints(ctx)
	switch {
	case err != nil:
		return err
	case claimed == nil:
		return fairlead.Errorf(fairlead.Conflict, "the cluster %s is not connected: use the kubeconfig of %q", k.short(), id.Name()).WithCode("OtherCluster")
	case !claimed.same(id) || !claimed.sameHub(endpoints.DataPlane(hub.URL)):
		return fairlead.Errorf(fairlead.Conflict, "the cluster %s is %s, not %s", k.short(), claimed, expected(id, hub.URL)).WithCode("OtherCluster")
	}
	return nil
}

// Upgrade brings a connected cluster's agents to a version, the hub's newest when Version is empty.
type Upgrade struct {
	Hub     *client.Hub
	Cluster *Cluster
	ID      fairlead.ResourceID
	Version string
	Timeout time.Duration
	Report  Reporter

	chart *chartv2.Chart
}

// Steps returns what the upgrade takes.
func (u *Upgrade) Steps() []Step {
	return []Step{
		{Name: "Reach the cluster", Run: func(ctx context.Context) (string, error) {
			return u.Cluster.Server, u.Cluster.belongs(ctx, u.Hub, u.ID)
		}},
		{Name: "Find the version", Run: u.find},
		{Name: "Upgrade the agents", Run: u.apply},
	}
}

func (u *Upgrade) find(ctx context.Context) (string, error) {
	reference, err := u.Hub.LatestChart(ctx, releaseTrain)
	if err != nil {
		return "", err
	}
	repository, newest, err := splitReference(reference)
	if err != nil {
		return "", err
	}
	wanted := strings.TrimPrefix(u.Version, "v")
	if wanted == "" {
		wanted = newest
	}
	helm, err := u.Cluster.helm()
	if err != nil {
		return "", err
	}
	release, err := helm.current()
	switch {
	case err != nil:
		return "", err
	case release == nil:
		return "", noRelease(u.ID)
	case release.Chart.Metadata.Version == wanted && release.Info.Status.String() == "deployed":
		return "the agents have version " + wanted + " already", nil
	}
	transport := Connection{Hub: u.Hub}
	u.chart, err = transport.artefacts().chart(ctx, repository+":"+wanted)
	if err != nil {
		return "", fmt.Errorf("version %s (the hub's newest is %s): %w", wanted, newest, err)
	}
	return release.Chart.Metadata.Version + " → " + wanted, nil
}

func (u *Upgrade) apply(ctx context.Context) (string, error) {
	if u.chart == nil {
		return "nothing to do", nil
	}
	helm, err := u.Cluster.helm()
	if err != nil {
		return "", err
	}
	timeout := u.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Minute
	}
	u.Report.Note("waiting for the agents; if they do not come up the release goes back to what it was")
	return "version " + u.chart.Metadata.Version, helm.upgradeOrReturn(ctx, u.chart, timeout)
}
