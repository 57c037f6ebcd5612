package check

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func extensionDown() doctor.Check {
	return extensionAgent(doctor.Check{
		ID: "EXT-02", Severity: doctor.High, Uses: append(extensionAgentNeeds(), snapshot.Everywhere(snapshot.Nodes)), Eval: judgeExtensionPods,
	})
}

// extensionAgentNeeds are what it takes to judge the agents of extensions. On a connected cluster that is not of AKS there are none in
// kube-system, so they are no Needs.
func extensionAgentNeeds() []snapshot.Need {
	var needs []snapshot.Need
	for _, space := range []string{arcSpace, extSystem} {
		for _, r := range []snapshot.Resource{snapshot.Pods, snapshot.Deployments, snapshot.ReplicaSets, snapshot.Events} {
			needs = append(needs, snapshot.In(space, r))
		}
	}
	return needs
}

func judgeExtensionPods(s *snapshot.Snapshot) []doctor.Finding {
	troubles := extOf(s, "EXT-02")
	found := arcGather(troubles, func(t workload.Trouble) string { return string(t.Kind) })
	for i := range found {
		f := &found[i]
		f.Remedies = []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcDescribe)}}
		switch workload.Kind(f.Key) {
		case workload.Insufficient:
			f.After = []string{"ARC-06"}
			f.Remedies = append(f.Remedies, doctor.Remedy{Key: "grow", Risk: doctor.Manual, Commands: []string{"kubectl describe nodes"}})
		case workload.Quota:
			f.Remedies = append(f.Remedies, doctor.Remedy{Key: "quota", Risk: doctor.Manual, Commands: []string{
				"kubectl describe resourcequotas -n " + f.Objects[0].Namespace,
			}})
		case workload.ScaledDown:
			f.Remedies = []doctor.Remedy{{Key: "scaleUp", Risk: doctor.Manual, Commands: arcEach(f.Objects, func(o doctor.Object) string {
				return "kubectl scale " + strings.ToLower(o.Kind) + "/" + o.Name + " -n " + o.Namespace + " --replicas=1"
			})}}
		case workload.Crash, workload.NotReady, workload.StartError:
			f.After = append(extLogCauses(s, f.Objects), arcNetwork()...)
			f.Remedies = []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcLog)}}
		default:
		}
	}
	return unlessUnseen(s, found, extensionSpaceNeeds(s)...)
}

// extensionSpaceNeeds are the needs without which a pass would be a guess.
func extensionSpaceNeeds(s *snapshot.Snapshot) []snapshot.Need {
	needs := []snapshot.Need{snapshot.In(arcSpace, snapshot.Pods), snapshot.In(arcSpace, snapshot.Deployments)}
	if len(s.Nodes) > 0 && !extensionOnAKS(s) {
		return needs
	}
	return append(needs, snapshot.In(extSystem, snapshot.Pods), snapshot.In(extSystem, snapshot.Deployments))
}

// unlessUnseen returns what was found, or unknown when that is no problem and something that decides could not be read.
func unlessUnseen(s *snapshot.Snapshot, found []doctor.Finding, needs ...snapshot.Need) []doctor.Finding {
	if slices.ContainsFunc(found, doctor.Finding.Problem) {
		return found
	}
	var gaps []snapshot.Gap
	for _, need := range needs {
		if gap, missing := s.Missing(need); missing {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) > 0 {
		return []doctor.Finding{arcUnknown(gaps...)}
	}
	return found
}

func extensionRefused() doctor.Check {
	return doctor.Check{
		ID: "EXT-03", Severity: doctor.High, Needs: extensionPodNeeds(), Uses: extensionWordNeeds(), Eval: judgeExtensionRefusals,
	}
}

func judgeExtensionRefusals(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	troubles := extOf(s, "EXT-03")
	for _, group := range arcGather(troubles, func(t workload.Trouble) string { return string(t.Kind) + "/" + workload.PolicyName(t.Message) }) {
		kind, policy, _ := strings.Cut(group.Key, "/")
		group.Key, group.Args["policy"], group.Args["namespace"] = kind, policy, group.Objects[0].Namespace
		if policy == "" && kind == string(workload.Policy) {
			group.Key = "policyUnnamed"
		}
		group.Remedies = []doctor.Remedy{{Key: "exclude", Risk: doctor.Manual, Args: map[string]string{"namespace": group.Args["namespace"]}, Commands: extRefusalLook(group)}}
		switch kind {
		case string(workload.PodSecurity):
			group.After = []string{"ARC-11"} // the same label on the same namespace
		case string(workload.LimitRange):
			group.Remedies[0].Key = "limits"
		case string(workload.Policy):
			group.After = extExplained(group.Evidence, "EXT-03")
		}
		found = append(found, group)
	}
	return found
}

func extRefusalLook(f doctor.Finding) []string {
	namespace, message := f.Objects[0].Namespace, ""
	if len(f.Evidence) > 0 {
		message = f.Evidence[0].Text
	}
	switch {
	case f.Key == string(workload.LimitRange):
		return []string{"kubectl describe limitranges -n " + namespace}
	case f.Key == string(workload.PodSecurity):
		return []string{"kubectl get namespace " + namespace + " --show-labels"}
	case strings.Contains(message, "ValidatingAdmissionPolicy"):
		return []string{"kubectl describe validatingadmissionpolicy " + arcQuote(f.Args["policy"])}
	case strings.Contains(message, "webhook"):
		return []string{"kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"}
	}
	return arcEach(f.Objects, arcDescribe)
}

// extExplained names the entries that evidence is about, other than one.
func extExplained(evidence []doctor.Evidence, but string) []string {
	var ids []string
	for _, e := range evidence {
		if id, _, ok := explain.Classify(e.Text); ok && id != but && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// extLogCauses names the entries that the last lines of the objects' logs are about, the newest first.
func extLogCauses(s *snapshot.Snapshot, objects []doctor.Object) []string {
	const tail = 50
	var ids []string
	for _, o := range objects {
		for _, log := range s.LogsOf(o.Namespace, o.Name, o.Container) {
			lines := strings.Split(strings.TrimSpace(log.Text), "\n")
			lines = lines[max(0, len(lines)-tail):]
			for _, line := range slices.Backward(lines) {
				if id, _, ok := explain.Classify(line); ok && !slices.Contains(ids, id) && !strings.HasPrefix(id, "SELF") && !strings.HasPrefix(id, "CLI") {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids
}

func extensionTainted() doctor.Check {
	return doctor.Check{
		ID: "EXT-04", Severity: doctor.High, Needs: extensionPodNeeds(), Uses: extensionWordNeeds(), Eval: judgeExtensionTaints,
	}
}

func judgeExtensionTaints(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "EXT-04"), func(t workload.Trouble) string {
		if strings.Contains(t.Detail, "node.kubernetes.io/") || strings.Contains(t.Detail, "node.cloudprovider.kubernetes.io/") {
			return "condition"
		}
		return "taint"
	})
	for i := range found {
		f := &found[i]
		f.Scope = ""
		f.Args["taints"] = extTaints(s, f.Evidence)
		f.Remedies = []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: []string{
			"kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints",
		}}}
		if f.Key == "taint" {
			f.Remedies = append(f.Remedies, doctor.Remedy{Key: "remove", Risk: doctor.Manual, Commands: extUntaint(s, func(t corev1.Taint) bool {
				return !strings.Contains(t.Key, "kubernetes.io/") && strings.Contains(f.Args["taints"], t.Key)
			})})
		}
	}
	return found
}

// extTaints are the taints that the scheduler names; where it names none, those of the nodes.
func extTaints(s *snapshot.Snapshot, evidence []doctor.Evidence) string {
	var all []string
	add := func(text string) {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, e := range evidence {
		for _, m := range regexp.MustCompile(`untolerated taint(?:\(s\))? \{([^}]*)\}`).FindAllStringSubmatch(e.Text, -1) {
			add(strings.TrimSuffix(strings.TrimSpace(m[1]), ":"))
		}
	}
	if len(all) > 0 {
		return strings.Join(all, ", ")
	}
	for i := range s.Nodes {
		for _, t := range s.Nodes[i].Spec.Taints {
			if t.Effect != corev1.TaintEffectPreferNoSchedule {
				add(t.Key)
			}
		}
	}
	return strings.Join(all, ", ")
}

// extUntaint makes the commands that take taints off the nodes.
func extUntaint(s *snapshot.Snapshot, which func(corev1.Taint) bool) []string {
	var commands []string
	for i := range s.Nodes {
		for _, t := range s.Nodes[i].Spec.Taints {
			if t.Effect == corev1.TaintEffectPreferNoSchedule || !which(t) {
				continue
			}
			commands = append(commands, "kubectl taint nodes "+s.Nodes[i].Name+" "+t.Key+":"+string(t.Effect)+"-")
		}
	}
	return commands[:min(len(commands), 5)]
}
