package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// netFeature is a check of a host that only clusters with cluster connect need, if at says so.
func netFeature(id string, at func(endpoint.Cluster) bool, eval func(*snapshot.Snapshot) []doctor.Finding) doctor.Check {
	return netAgents(doctor.Check{
		ID: id, Severity: doctor.High, After: []string{"NET-01", "NET-03", "NET-04", "NET-02"},
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ProbeFromPod)}, Eval: eval,
		Applies: func(s *snapshot.Snapshot) string {
			c := endpoint.Of(s)
			switch {
			case !arcInstalled(s):
				return doctor.NotInstalled
			case !c.ClusterConnect, !at(c):
				return doctor.FeatureOff
			}
			return ""
		},
	})
}

func networkOverage() doctor.Check { return netFeature("NET-05", atAzure, judgeNetOverage) }

func atAzure(c endpoint.Cluster) bool { return c.HubURL == "" }

func judgeNetOverage(s *snapshot.Snapshot) []doctor.Finding {
	view, targets := netFeatureTargets(s, endpoint.OBO)
	if len(targets) == 0 {
		return []doctor.Finding{{Status: doctor.Skipped, Key: "notTried"}}
	}
	target := targets[0]
	args := map[string]string{"host": netName(target.URL), "port": "8084"}
	finding := doctor.Finding{Status: doctor.Fail, Key: "blocked", Args: args, Remedies: []doctor.Remedy{{Key: "allow", Risk: doctor.Manual, Args: args}, netRecheck()}}
	failed := target.Failed()
	switch {
	case failed == nil, newNetTrust(s).judge(target) == netForeign:
		return nil // a stranger's certificate is NET-04's
	case failed.Name == wire.StageDNS && target.Proxy == "":
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Low, "name"
	case failed.Name == wire.StageConnect:
		finding.Key = "proxy"
		finding.Args["status"] = failed.Detail[wire.DetailStatus]
		if failed.Detail[wire.DetailStatus] == "" {
			finding.Key = "proxySilent"
		}
	}
	finding.Evidence = []doctor.Evidence{view.say(netHost(target.URL) + ": " + string(failed.Name) + ": " + failed.Error)}
	return []doctor.Finding{finding}
}

// netFeatureTargets are the targets with a name that the probe of the agents' place has tried.
func netFeatureTargets(s *snapshot.Snapshot, name string) (netView, []wire.TargetResult) {
	view, ok := netFrom(s, endpoint.Pod)
	if !ok {
		return view, nil
	}
	return view, slices.DeleteFunc(view.targets(name), func(t wire.TargetResult) bool { return t.Error != "" })
}

func networkRelay() doctor.Check {
	return netFeature("NET-06", func(endpoint.Cluster) bool { return true }, judgeNetRelay)
}

func judgeNetRelay(s *snapshot.Snapshot) []doctor.Finding {
	view, targets := netFeatureTargets(s, endpoint.Relay)
	trust, answered := newNetTrust(s), netServiceBus
	if !atAzure(endpoint.Of(s)) {
		answered = netHubAnswer
	}
	var found *doctor.Finding
	tried := false
	for _, target := range targets {
		key := netRelayFault(target, trust, answered)
		if key == "noName" {
			continue
		}
		tried = true
		if key == "" {
			continue
		}
		failed := target.Failed()
		if found == nil {
			args := map[string]string{"host": netName(target.URL), "status": failed.Detail[wire.DetailStatus]}
			found = &doctor.Finding{Status: doctor.Fail, Key: key, Args: args, Remedies: []doctor.Remedy{{Key: "enable", Risk: doctor.Manual, Args: args}, netRecheck()}}
		}
		found.Evidence = arcSay(found.Evidence, view.say(netHost(target.URL)+": "+string(failed.Name)+": "+failed.Error))
	}
	switch {
	case found != nil:
		return []doctor.Finding{*found}
	case !tried:
		return []doctor.Finding{{Status: doctor.Skipped, Key: "noHost"}}
	}
	return nil
}

// netRelayFault returns why a relay cannot be used, "" when it can: it has changed to a WebSocket, or has itself answered and refused for
// want of a token. What happens before TLS stands is NET-02's kind of trouble and tells the stage.
func netRelayFault(target wire.TargetResult, trust *netTrust, answered func(*wire.Stage, netVerdict) bool) string {
	failed, verdict := target.Failed(), trust.judge(target)
	switch {
	case failed == nil, verdict == netForeign, verdict == netTimed, verdict == netOther:
		return ""
	case failed.Name == wire.StageDNS && target.Proxy == "":
		return "noName"
	case failed.Name == wire.StageConnect && failed.Reason == wire.ReasonStatus:
		return "proxy"
	case failed.Name != wire.StageWebSocket:
		return "blocked"
	case failed.Reason != wire.ReasonStatus:
		return "silent"
	case answered(failed, verdict):
		return ""
	}
	return "refused"
}

// netHubAnswer tells an answer of a hub of Fairlead that has seen the request to change, and wants to know whose it is, from one that
// has not, or from one of somebody on the way.
func netHubAnswer(stage *wire.Stage, verdict netVerdict) bool {
	status, body := stage.Detail[wire.DetailStatus], stage.Detail[wire.DetailBody]
	return (verdict == netOwn || verdict == netPublic) && (status == "401" || status == "404") && strings.Contains(body, `"error"`)
}

// netServiceBus tells an answer of Service Bus from one of somebody on the way.
func netServiceBus(stage *wire.Stage, verdict netVerdict) bool {
	status := stage.Detail[wire.DetailStatus]
	return verdict == netPublic && regexp.MustCompile(`^4\d\d$`).MatchString(status) ||
		regexp.MustCompile(`^4\d\d$`).MatchString(status) && regexp.MustCompile(`(?i)Microsoft-HTTPAPI|Microsoft-Azure|ServiceBus`).MatchString(
			stage.Detail[wire.DetailHeader+"server"]+" "+stage.Detail[wire.DetailHeader+"www-authenticate"])
}
