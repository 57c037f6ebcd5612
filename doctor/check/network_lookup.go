package check

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// netAsked judges what name servers told a probe, and reports whether somebody answered for names inside the cluster.
func netAsked(s *snapshot.Snapshot) (found []doctor.Finding, answered bool) {
	pod, ok := netFrom(s, endpoint.Pod)
	if !ok || len(pod.result.Lookups) == 0 {
		return nil, false
	}
	inside, outside := netLookups(pod.result)
	if len(inside) > 0 {
		if code := netCode(inside, pod.result.Resolver); code != "" {
			return []doctor.Finding{netInside(s, pod, inside, code)}, false
		}
		answered = netResolves(inside)
	}
	// Behind a proxy it is the proxy that resolves names outside; pods often cannot, on purpose.
	if code := netCode(outside, pod.result.Resolver); code != "" && !endpoint.ProxyOf(s).Set() && netAllFail(outside, pod.result.Resolver) {
		return []doctor.Finding{netOutside(s, pod, outside, code)}, answered
	}
	return netNodeNames(s), answered
}

// netLookups parts names inside the cluster from others.
func netLookups(result *wire.Result) (inside, outside []wire.Lookup) {
	for _, lookup := range result.Lookups {
		if strings.HasPrefix(lookup.Name, "kubernetes.default.svc") {
			inside = append(inside, lookup)
		} else {
			outside = append(outside, lookup)
		}
	}
	return inside, outside
}

// netCode returns "" when one of the names was resolved by the place's own name servers, else how they failed: nxdomain, servfail,
// refused, silence or other.
func netCode(lookups []wire.Lookup, resolver wire.Resolver) string {
	code := ""
	for _, lookup := range lookups {
		for _, answer := range netOwnAnswers(lookup, resolver) {
			if len(answer.Addresses) > 0 {
				return ""
			}
			if one := netCodeName(answer.RCode); code == "" || code == "nxdomain" {
				code = one // silence and failures say more than that a name is not there
			}
		}
	}
	return code
}

func netResolves(lookups []wire.Lookup) bool {
	return slices.ContainsFunc(lookups, func(l wire.Lookup) bool {
		return slices.ContainsFunc(l.Servers, func(a wire.Answer) bool { return len(a.Addresses) > 0 })
	})
}

// netAllFail reports whether no name at all could be resolved.
func netAllFail(lookups []wire.Lookup, resolver wire.Resolver) bool {
	return len(lookups) > 0 && !slices.ContainsFunc(lookups, func(l wire.Lookup) bool { return netCode([]wire.Lookup{l}, resolver) == "" })
}

func netCodeName(code string) string {
	switch code {
	case "NXDOMAIN":
		return "nxdomain"
	case "SERVFAIL":
		return "servfail"
	case "REFUSED":
		return "refused"
	case wire.RCodeTimeout:
		return "silence"
	}
	return "other"
}

// netOwnAnswers are the answers of the servers in resolv.conf; those of the cluster's service beside them only help to compare.
func netOwnAnswers(lookup wire.Lookup, resolver wire.Resolver) []wire.Answer {
	var own []wire.Answer
	for _, answer := range lookup.Servers {
		if slices.ContainsFunc(resolver.NameServers, func(server string) bool {
			return answer.Server == server || strings.HasPrefix(answer.Server, server+":") || strings.HasPrefix(answer.Server, "["+server+"]:")
		}) {
			own = append(own, answer)
		}
	}
	if len(own) == 0 {
		return lookup.Servers
	}
	return own
}

func netInside(s *snapshot.Snapshot, view netView, lookups []wire.Lookup, code string) doctor.Finding {
	finding := netNamesFinding("inside" + strings.ToUpper(code[:1]) + code[1:])
	netTellLookups(&finding, view, lookups)
	service, ok := netDNSService(s)
	if ok && netOthersAnswer(lookups, view.result.Resolver) {
		finding.Key = "cache" // the service would answer, but pods ask somebody before it
	}
	if ok {
		finding.Objects = []doctor.Object{{Kind: "Service", Namespace: service.Namespace, Name: service.Name}}
	}
	if code == "silence" {
		finding.Remedies = append(finding.Remedies, netNamePolicies(s, &finding)...)
	}
	finding.Remedies = append(finding.Remedies, netCorefileRemedy())
	return finding
}

// netOthersAnswer reports whether a server beside those of resolv.conf knows a name.
func netOthersAnswer(lookups []wire.Lookup, resolver wire.Resolver) bool {
	for _, lookup := range lookups {
		own := netOwnAnswers(lookup, resolver)
		for _, answer := range lookup.Servers {
			same := func(a wire.Answer) bool { return a.Server == answer.Server }
			if len(answer.Addresses) > 0 && !slices.ContainsFunc(own, same) {
				return true
			}
		}
	}
	return false
}

func netOutside(s *snapshot.Snapshot, view netView, lookups []wire.Lookup, code string) doctor.Finding {
	finding := netNamesFinding("upstream" + strings.ToUpper(code[:1]) + code[1:])
	netTellLookups(&finding, view, lookups)
	finding.Args["upstream"] = "-"
	if config := netCorefile(s); config != nil {
		finding.Objects = []doctor.Object{{Kind: "ConfigMap", Namespace: extSystem, Name: netCoreDNS}}
		if to := netUpstream(config.Data["Corefile"]); to != "" {
			finding.Args["upstream"] = to
			finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "spec", Object: finding.Objects[0].String(), Text: "forward . " + to})
		}
	}
	if node, ok := netFrom(s, endpoint.Node); ok {
		netTellLookups(&finding, node, node.result.Lookups)
	}
	finding.Remedies = []doctor.Remedy{{Key: "upstream", Risk: doctor.Manual, Commands: []string{
		"kubectl get configmap " + netCoreDNS + " -n " + extSystem + " -o yaml", "kubectl logs -n " + extSystem + " -l " + netDNSLabel + "=" + netDNS + " --tail=50",
	}}}
	return finding
}

// netTellLookups writes down who answered what, and names one of the names and servers.
func netTellLookups(finding *doctor.Finding, view netView, lookups []wire.Lookup) {
	for _, lookup := range lookups {
		for _, answer := range lookup.Servers {
			if finding.Args["name"] == "" && len(answer.Addresses) == 0 {
				finding.Args["name"], finding.Args["server"], finding.Args["code"] = strings.TrimSuffix(lookup.Name, "."), answer.Server, answer.RCode
			}
			text := lookup.Name + " at " + answer.Server + ": " + answer.RCode
			if len(answer.Addresses) > 0 {
				text += " " + strings.Join(answer.Addresses, ", ")
			}
			finding.Evidence = arcSay(finding.Evidence, view.say(text))
		}
		if lookup.Error != "" {
			finding.Evidence = arcSay(finding.Evidence, view.say(lookup.Name+": "+lookup.Error))
		}
	}
	for _, key := range []string{"name", "server", "code"} {
		if finding.Args[key] == "" {
			finding.Args[key] = "-"
		}
	}
}

// netNamePolicies names network policies that could keep questions from the DNS pods.
func netNamePolicies(s *snapshot.Snapshot, finding *doctor.Finding) []doctor.Remedy {
	var commands []string
	for i := range s.NetworkPolicies {
		p := &s.NetworkPolicies[i]
		egress := p.Namespace == arcSpace && slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		ingress := p.Namespace == extSystem && (len(p.Spec.PolicyTypes) == 0 || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress))
		if !egress && !ingress {
			continue
		}
		finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: "NetworkPolicy/" + p.Namespace + "/" + p.Name, Text: "limits traffic of pods"})
		if command := "kubectl get networkpolicies -n " + p.Namespace + " -o yaml"; !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	if len(commands) == 0 {
		return nil
	}
	return []doctor.Remedy{{Key: "policy", Risk: doctor.Manual, Commands: commands}}
}

// netNodeNames judges a node's own resolver where pods fare better: images are pulled with it.
func netNodeNames(s *snapshot.Snapshot) []doctor.Finding {
	node, ok := netFrom(s, endpoint.Node)
	if !ok || !netAllFail(node.result.Lookups, node.result.Resolver) || !netPullFails(s, "dns") {
		return nil
	}
	finding := netNamesFinding("node")
	finding.Args["node"] = node.where
	netTellLookups(&finding, node, node.result.Lookups)
	finding.Remedies = []doctor.Remedy{{Key: "node", Risk: doctor.Manual}}
	return []doctor.Finding{finding}
}
