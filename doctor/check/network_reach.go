package check

import (
	"regexp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func networkReach() doctor.Check {
	return netAgents(doctor.Check{
		ID: "NET-02", Severity: doctor.High, After: []string{"NET-01", "NET-03", "NET-04"},
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ProbeFromPod)},
		Uses: []snapshot.Need{
			snapshot.In(arcSpace, snapshot.NetworkPolicies), snapshot.In(extSystem, snapshot.NetworkPolicies),
			snapshot.Everywhere(snapshot.Pods), snapshot.Everywhere(snapshot.ReplicaSets), snapshot.Everywhere(snapshot.Events),
		},
		Eval: judgeNetReach,
	})
}

// netBlocked are the endpoints that a place cannot reach for one reason.
type netBlocked struct {
	key      string
	targets  []wire.TargetResult
	evidence []doctor.Evidence
}

func judgeNetReach(s *snapshot.Snapshot) []doctor.Finding {
	trust := newNetTrust(s)
	var found []doctor.Finding
	untried := false
	for _, view := range netViews(s) {
		groups, missed := netGroup(view, trust)
		untried = untried || missed && view.place == endpoint.Pod
		for _, group := range groups {
			if finding, ok := netReachFinding(s, view, group); ok {
				found = append(found, finding)
			}
		}
	}
	if len(found) == 0 && untried {
		return []doctor.Finding{{Status: doctor.Unknown, Key: "untried"}}
	}
	return found
}

// netGroup sorts what cannot be reached by the reason. Hosts with checks of their own are left to these.
func netGroup(view netView, trust *netTrust) (groups []*netBlocked, untried bool) {
	for _, target := range view.result.Targets {
		if target.Name == endpoint.Relay || target.Name == endpoint.OBO {
			continue
		}
		if target.Error != "" {
			untried = true
			continue
		}
		key, text := netObstacle(view, target, trust)
		if key == "" {
			continue
		}
		at := slices.IndexFunc(groups, func(g *netBlocked) bool { return g.key == key })
		if at < 0 {
			groups, at = append(groups, &netBlocked{key: key}), len(groups)
		}
		groups[at].targets = append(groups[at].targets, target)
		groups[at].evidence = arcSay(groups[at].evidence, view.say(netHost(target.URL)+": "+text))
	}
	return groups, untried
}

// netObstacle returns the reason for which a target counts as not reached, "" when it is, or when another entry has the reason.
func netObstacle(view netView, target wire.TargetResult, trust *netTrust) (key, text string) {
	failed, verdict := target.Failed(), trust.judge(target)
	switch {
	case verdict == netForeign, verdict == netOther, verdict == netTimed:
		return "", "" // NET-04 and NET-07
	case failed == nil:
		return netMiddlebox(target, verdict)
	case target.Proxy != "" && (failed.Name == wire.StageDNS || failed.Name == wire.StageTCP || failed.Name == wire.StageProxyTLS):
		return "", "" // NET-03: the proxy itself
	case failed.Name == wire.StageConnect && netAllRefused(view):
		return "", "" // NET-03: it lets nobody through
	}
	return netReason(failed), string(failed.Name) + ": " + failed.Error
}

// netReason is the key of a stage that failed.
func netReason(stage *wire.Stage) string {
	switch {
	case stage.Name == wire.StageDNS:
		return "name"
	case stage.Name == wire.StageConnect:
		return "connect"
	case stage.Reason == wire.ReasonReset, stage.Reason == wire.ReasonClosed:
		return "reset"
	case stage.Name == wire.StageTCP && slices.Contains([]wire.Reason{wire.ReasonTimeout, wire.ReasonRefused, wire.ReasonUnreachable}, stage.Reason):
		return string(stage.Reason)
	case stage.Name == wire.StageTLS && stage.Reason == wire.ReasonTimeout:
		return "tlsTimeout"
	case stage.Name == wire.StageTLS:
		return "tls"
	case stage.Name == wire.StageTCP:
		return "other"
	}
	return "noAnswer"
}

// netMiddlebox tells an answer of somebody on the way from one of the endpoint. Behind a certificate that only the endpoint can have,
// nobody else can have answered.
func netMiddlebox(target wire.TargetResult, verdict netVerdict) (key, text string) {
	stage := target.Stage(wire.StageHTTP)
	if stage == nil || verdict == netPublic {
		return "", ""
	}
	header := func(name string) string { return stage.Detail[wire.DetailHeader+name] }
	status := stage.Detail[wire.DetailStatus]
	microsoft := false
	for key := range stage.Detail {
		microsoft = microsoft || strings.HasPrefix(key, wire.DetailHeader+"x-ms-")
	}
	products := regexp.MustCompile(`(?i)squid|zscaler|blue ?coat|forti|mcafee|websense|forcepoint|netskope|umbrella|sophos|checkpoint|palo alto`)
	refusal := slices.Contains([]string{"403", "407", "451", "502", "503", "504", "511"}, status)
	switch {
	case microsoft:
		return "", ""
	case header("x-squid-error") != "", status == "407", status == "511", refusal && header("via") != "", refusal && products.MatchString(header("server")+" "+stage.Detail[wire.DetailBody]):
		return "middlebox", "http: " + status + " " + stage.Detail[wire.DetailReason] + " by " + header("server") + " " + header("via")
	}
	return "", ""
}

func netReachFinding(s *snapshot.Snapshot, view netView, group *netBlocked) (doctor.Finding, bool) {
	var hosts []string
	for _, target := range group.targets {
		hosts = append(hosts, netHost(target.URL))
	}
	args := map[string]string{"hosts": strings.Join(hosts, ", "), "reason": group.key}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: group.key, Args: args, Evidence: group.evidence,
		Remedies: []doctor.Remedy{{Key: "open", Risk: doctor.Manual, Args: args}, netRecheck()},
	}
	switch view.place {
	case endpoint.Client:
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "client"
		return finding, true
	case endpoint.Node:
		return netNodeFinding(s, finding)
	case endpoint.Pod:
	}
	if !slices.ContainsFunc(group.targets, func(t wire.TargetResult) bool { return netEssential(t.Name, group.key) }) {
		finding.Status, finding.Severity = doctor.Warn, doctor.Medium
	}
	if group.key == string(wire.ReasonTimeout) || group.key == string(wire.ReasonRefused) || group.key == string(wire.ReasonUnreachable) {
		finding.Remedies = append(netPolicyRemedy(s, &finding), finding.Remedies...)
		if !endpoint.ProxyOf(s).Set() {
			finding.Remedies = append(finding.Remedies, doctor.Remedy{Key: "proxy", Risk: doctor.Manual, Commands: []string{netProxyCommand(s)}})
		}
	}
	return finding, true
}

// netNodeFinding holds what a node cannot reach against the cluster only as far as images do not come: the container runtime may have a
// proxy or a mirror that no probe knows.
func netNodeFinding(s *snapshot.Snapshot, finding doctor.Finding) (doctor.Finding, bool) {
	if finding.Key == "name" && !netPullFails(s, "dns") {
		return finding, false
	}
	finding.Key = "node"
	if netPullFails(s, "network", "dns") {
		return finding, true
	}
	finding.Status, finding.Severity = doctor.Warn, doctor.Low
	return finding, !endpoint.ProxyOf(s).Set()
}

// netEssential reports whether a connected cluster is of no use without an endpoint. Names of lesser ones that do not exist may have
// been given up.
func netEssential(name, key string) bool {
	switch name {
	case endpoint.DataPlane, endpoint.Registry, endpoint.Hub, "sign-in", "resource-manager", "identity":
		return true
	case "sign-in-region", "sign-in-old", "identity-region", "registry-data":
		return key != "name"
	}
	return false
}

// netPullFails reports whether images cannot be pulled for one of some reasons.
func netPullFails(s *snapshot.Snapshot, details ...string) bool {
	return slices.ContainsFunc(workload.Find(s, "", nil), func(t workload.Trouble) bool {
		return t.Kind == workload.Pull && slices.Contains(details, t.Detail)
	})
}

// netPolicyRemedy names the policies that may be what holds the agents' packets back.
func netPolicyRemedy(s *snapshot.Snapshot, finding *doctor.Finding) []doctor.Remedy {
	for i := range s.NetworkPolicies {
		p := &s.NetworkPolicies[i]
		if p.Namespace == arcSpace && slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
			finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: "NetworkPolicy/" + p.Namespace + "/" + p.Name, Text: "limits what pods of this namespace may reach"})
			return []doctor.Remedy{{Key: "policy", Risk: doctor.Manual, Commands: []string{"kubectl get networkpolicies -n " + arcSpace + " -o yaml"}}}
		}
	}
	return nil
}
