package check

import (
	"net/url"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// network returns the checks of what agents need on the way to their hub: names, connections, proxy, trust and time.
func network() []doctor.Check {
	return []doctor.Check{
		networkNames(), networkReach(), networkProxy(), networkTrust(), networkOverage(), networkRelay(), networkClock(),
	}
}

// netView is what a probe saw from one place.
type netView struct {
	place  endpoint.Place
	where  string
	result *wire.Result
}

// netViews returns what there is, pods first: agents live there. Targets that are other checks' business, such as servers inside the
// cluster with authorities of their own, are left out.
func netViews(s *snapshot.Snapshot) []netView {
	if s.Probe == nil {
		return nil
	}
	var views []netView
	for _, one := range []struct {
		place endpoint.Place
		at    *snapshot.Place
	}{{endpoint.Pod, s.Probe.Pod}, {endpoint.Node, s.Probe.Node}, {endpoint.Client, s.Probe.Client}} {
		if one.at != nil && one.at.Result != nil {
			result := *one.at.Result
			result.Targets = slices.DeleteFunc(slices.Clone(result.Targets), func(t wire.TargetResult) bool { return !endpoint.Known(t.Name) })
			views = append(views, netView{one.place, one.at.Where, &result})
		}
	}
	return views
}

// netFrom returns what a probe saw from a place; ok is false when there was none.
func netFrom(s *snapshot.Snapshot, place endpoint.Place) (netView, bool) {
	views := netViews(s)
	at := slices.IndexFunc(views, func(v netView) bool { return v.place == place })
	if at < 0 {
		return netView{}, false
	}
	return views[at], true
}

// say is evidence of a probe.
func (v netView) say(text string) doctor.Evidence {
	return doctor.Evidence{Source: "probe", Object: v.where, Text: text}
}

// targets returns the results of the targets with a name.
func (v netView) targets(name string) []wire.TargetResult {
	return slices.DeleteFunc(slices.Clone(v.result.Targets), func(t wire.TargetResult) bool { return t.Name != name })
}

// netApplies is the reason to skip a check of what agents reach where there are no agents.
func netApplies(s *snapshot.Snapshot) string {
	if arcInstalled(s) || extensionOnAKS(s) {
		return ""
	}
	return doctor.NotInstalled
}

// netAgents completes a check of what agents reach.
func netAgents(check doctor.Check) doctor.Check {
	if check.Applies == nil {
		check.Applies = netApplies
	}
	check.AppliesNeeds = []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments), snapshot.In(extSystem, snapshot.Deployments)}
	check.Uses = append(check.Uses, netSettingsNeeds()...)
	return check
}

// netSettingsNeeds are what tells which endpoints, proxy and authorities the agents have.
func netSettingsNeeds() []snapshot.Need {
	return slices.Concat(arcReleaseNeeds(), arcPods(), []snapshot.Need{
		arcConfigNeed(), snapshot.One(arcSpace, snapshot.ConfigMaps, netHubCA), snapshot.Everywhere(snapshot.Nodes),
		snapshot.In(extSystem, snapshot.Deployments), snapshot.In(extSystem, snapshot.Pods), snapshot.In(extSystem, snapshot.Services), snapshot.In("default", snapshot.Services),
		snapshot.One(arcSpace, snapshot.Certificates, netProxySecret), snapshot.One(arcSpace, snapshot.Certificates, netProxyCert),
		snapshot.Everywhere(snapshot.ProbeFromPod), snapshot.Everywhere(snapshot.ProbeFromNode),
	})
}

// netHost is the host of a URL, with its port where that is not the usual one.
func netHost(address string) string {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" {
		return address
	}
	return strings.TrimSuffix(at.Host, ":443")
}

// netName is the host of a URL alone.
func netName(address string) string {
	at, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return at.Hostname()
}

// netRecheck looks again at the network, from all places.
func netRecheck() doctor.Remedy {
	return doctor.Remedy{Key: "recheck", Risk: doctor.Manual, Commands: []string{"fairlead doctor NET --probe"}}
}
