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

// netAtProxy returns the stage at which a target did not get past its proxy, nil when it did.
func netAtProxy(target wire.TargetResult) *wire.Stage {
	failed := target.Failed()
	if target.Proxy == "" || failed == nil {
		return nil
	}
	switch failed.Name {
	case wire.StageDNS, wire.StageTCP, wire.StageProxyTLS, wire.StageConnect:
		return failed
	default:
		return nil
	}
}

// netProxied are the targets that go through a proxy, without those on ports that many proxies refuse.
func netProxied(view netView) []wire.TargetResult {
	return slices.DeleteFunc(slices.Clone(view.result.Targets), func(t wire.TargetResult) bool {
		return t.Proxy == "" || t.Name == endpoint.OBO || t.Name == endpoint.Relay
	})
}

// netAllRefused reports whether no target at all gets past the proxy.
func netAllRefused(view netView) bool {
	proxied := netProxied(view)
	return len(proxied) > 0 && !slices.ContainsFunc(proxied, func(t wire.TargetResult) bool { return netAtProxy(t) == nil })
}

// netProxyProbed judges the proxy by how the probe fared that goes the agents' way.
func netProxyProbed(s *snapshot.Snapshot) []doctor.Finding {
	view, ok := netFrom(s, endpoint.Pod)
	if !ok {
		return nil
	}
	for _, target := range view.result.Targets {
		if strings.Contains(target.Error, "the proxy's URL") {
			finding := netProxyFinding(s, "unusable")
			finding.Evidence = []doctor.Evidence{view.say(target.Error)}
			return []doctor.Finding{finding}
		}
	}
	if !netAllRefused(view) {
		return nil
	}
	target := netProxied(view)[0]
	stage := netAtProxy(target)
	finding := netProxyFinding(s, netProxyReason(stage))
	finding.Args = map[string]string{"proxy": netProxyHost(target.Proxy), "status": stage.Detail[wire.DetailStatus], "error": stage.Error}
	finding.Evidence = []doctor.Evidence{view.say(netHost(target.URL) + " through " + netHide(target.Proxy) + ": " + string(stage.Name) + ": " + stage.Error)}
	if finding.Key == "authentication" && netPasswordUnknown(s, target) {
		return []doctor.Finding{{Status: doctor.Unknown, Key: "hiddenPassword", Args: finding.Args, Evidence: finding.Evidence}}
	}
	return []doctor.Finding{finding}
}

func netProxyReason(stage *wire.Stage) string {
	switch {
	case stage.Name == wire.StageDNS:
		return "unresolved"
	case stage.Name == wire.StageTCP:
		return "unreachable"
	case stage.Name == wire.StageProxyTLS:
		return "proxyTLS"
	case stage.Detail[wire.DetailStatus] == "407":
		return "authentication"
	case stage.Detail[wire.DetailStatus] == "403":
		return "policy"
	case stage.Reason == wire.ReasonTimeout:
		return "hangs"
	case stage.Reason == wire.ReasonStatus:
		return "status"
	}
	return "noProxy"
}

func netProxyHost(proxy string) string {
	at, err := url.Parse(proxy)
	if err != nil {
		return netHide(proxy)
	}
	return at.Host
}

// netPasswordUnknown reports whether the agents sign in at the proxy and the probe could not, because a snapshot holds no password.
func netPasswordUnknown(s *snapshot.Snapshot, target wire.TargetResult) bool {
	proxy := endpoint.ProxyOf(s)
	agents, err := url.Parse(proxy.HTTPS)
	probe, wrong := url.Parse(target.Proxy)
	return err == nil && wrong == nil && agents.User != nil && (probe.User == nil || endpoint.Hidden(probe.User))
}
