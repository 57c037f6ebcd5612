package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func extensionCritical() doctor.Check {
	return doctor.Check{
		ID: "EXT-09", Severity: doctor.High, Needs: extensionPodNeeds(), Uses: extensionWordNeeds(), Eval: judgeExtensionCritical,
	}
}

func judgeExtensionCritical(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "EXT-09"), func(workload.Trouble) string { return "pending" })
	if len(found) == 0 {
		found = extCriticalInLog(s)
	}
	for i := range found {
		found[i].Scope = ""
		found[i].Remedies = []doctor.Remedy{extAddPool(), {Key: "untaint", Risk: doctor.Manual, Commands: extUntaint(s, func(t corev1.Taint) bool {
			return t.Key == extCriticalTaint
		})}}
	}
	return found
}

func extAddPool() doctor.Remedy {
	return doctor.Remedy{Key: "addPool", Risk: doctor.Manual, Commands: []string{
		"az aks nodepool add -g <resource-group> --cluster-name <cluster-name> -n <pool-name> --mode User",
	}}
}

// extCriticalInLog believes the agent when it speaks of the taint and the nodes still have it.
func extCriticalInLog(s *snapshot.Snapshot) []doctor.Finding {
	free := func(n corev1.Node) bool { return !n.Spec.Unschedulable && !extTainted(&n) }
	if len(s.Nodes) == 0 || slices.ContainsFunc(s.Nodes, free) {
		return nil
	}
	for _, log := range s.LogsOf(extSystem, "extension-agent-", "") {
		for line := range strings.SplitSeq(log.Text, "\n") {
			if strings.Contains(line, "untolerated taint") && strings.Contains(line, extCriticalTaint) {
				pod := doctor.Object{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod, Container: log.Container}
				return []doctor.Finding{{
					Status: doctor.Fail, Key: "said", Objects: []doctor.Object{pod},
					Evidence: []doctor.Evidence{{Source: "log", Object: pod.String(), Text: strings.TrimSpace(line)}},
				}}
			}
		}
	}
	return nil
}

func extensionOnlyPool() doctor.Check {
	return doctor.Check{
		ID: "EXT-10", Severity: doctor.Medium, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes)},
		Uses: append(extensionPodNeeds(), extensionWordNeeds()...),
		Applies: func(s *snapshot.Snapshot) string {
			if len(extPools(s)) == 0 {
				return doctor.OtherPlatform
			}
			return ""
		},
		AppliesNeeds: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes)},
		Eval:         judgeOnlyPool,
	}
}

func judgeOnlyPool(s *snapshot.Snapshot) []doctor.Finding {
	pools := extPools(s)
	if len(pools) != 1 || len(judgeExtensionCritical(s)) > 0 {
		return nil // EXT-09 says more when pods are waiting
	}
	for name, nodes := range pools {
		finding := doctor.Finding{
			Status: doctor.Warn, Key: "onlyPool", Args: map[string]string{"pool": name}, Remedies: []doctor.Remedy{extAddPool()},
		}
		for _, n := range nodes {
			if !extTainted(n) {
				return nil
			}
			object := doctor.Object{Kind: "Node", Name: n.Name}
			finding.Objects = append(finding.Objects, object)
			finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: object.String(), Text: "taint " + extCriticalTaint})
		}
		return []doctor.Finding{finding}
	}
	return nil
}

// extPools returns the nodes by their pool. Nodes without a pool, such as virtual ones, are in none.
func extPools(s *snapshot.Snapshot) map[string][]*corev1.Node {
	pools := map[string][]*corev1.Node{}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		pool := n.Labels["kubernetes.azure.com/agentpool"]
		if pool == "" {
			pool = n.Labels["agentpool"]
		}
		if pool != "" {
			pools[pool] = append(pools[pool], n)
		}
	}
	return pools
}
