package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func helmNoRoom() doctor.Check {
	return doctor.Check{ID: "HLM-03", Severity: doctor.High, Needs: extensionPodNeeds(), Uses: extensionWordNeeds(), Eval: judgeHelmRoom}
}

func judgeHelmRoom(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "HLM-03"), func(t workload.Trouble) string {
		if t.Kind == workload.Insufficient {
			return arcRoom(s, t)
		}
		return string(t.Kind) + "/" + t.Object().Namespace
	})
	for i := range found {
		f := &found[i]
		f.Key, _, _ = strings.Cut(f.Key, "/")
		f.Remedies = []doctor.Remedy{{Key: "grow", Risk: doctor.Manual, Commands: []string{"kubectl describe nodes"}}}
		switch f.Key {
		case "full":
			f.Scope, f.After = "", []string{"ARC-06", "EXT-02"} // the nodes are the same for all
		case "tooLarge":
			f.Remedies = []doctor.Remedy{{Key: "ask", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcDescribe)}}
		case string(workload.Quota):
			f.Args["namespace"] = f.Objects[0].Namespace
			f.Remedies = []doctor.Remedy{{Key: "quota", Risk: doctor.Manual, Commands: []string{"kubectl describe resourcequotas -n " + f.Objects[0].Namespace}}}
		}
	}
	return found
}

func helmForeign() doctor.Check {
	return doctor.Check{
		ID: "HLM-04", Severity: doctor.High, Needs: extensionPodNeeds(), Uses: extensionWordNeeds(), Eval: judgeHelmForeign,
		Logs: []snapshot.LogNeed{{Namespace: arcSpace, Which: snapshot.Crashed}}, // a program of another processor may only say so there
	}
}

func judgeHelmForeign(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "HLM-04"), func(t workload.Trouble) string {
		switch {
		case t.Kind == workload.Selector && t.Detail != "":
			return t.Detail + "/" + t.Object().Namespace
		case t.Kind == workload.Selector:
			return "label/" + t.Object().Namespace
		}
		return "image/" + t.Object().Namespace
	})
	for i := range found {
		f := &found[i]
		f.Key, _, _ = strings.Cut(f.Key, "/")
		f.Args["nodes"] = helmNodes(s)
		f.Remedies = []doctor.Remedy{
			{Key: "compare", Risk: doctor.Manual, Commands: append(arcEach(f.Objects, helmSelector), "kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch")},
			{Key: "pool", Risk: doctor.Manual},
		}
	}
	return found
}

func helmSelector(o doctor.Object) string {
	return "kubectl get " + strings.ToLower(o.Kind) + " " + o.Name + " -n " + o.Namespace + " -o yaml"
}

// helmNodes names the systems and processors that there are.
func helmNodes(s *snapshot.Snapshot) string {
	var kinds []string
	for i := range s.Nodes {
		labels := s.Nodes[i].Labels
		if kind := labels[corev1.LabelOSStable] + "/" + labels[corev1.LabelArchStable]; kind != "/" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return "-"
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

func helmSettings() doctor.Check {
	return doctor.Check{
		ID: "HLM-05", Severity: doctor.High, Needs: extensionPodNeeds(), Uses: extensionWordNeeds(), Eval: judgeHelmSettings,
		Logs: []snapshot.LogNeed{{Namespace: extSystem, Prefix: extMonitor, Which: snapshot.Crashed, Lines: 200}},
	}
}

func judgeHelmSettings(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "HLM-05"), func(t workload.Trouble) string {
		return string(t.Kind) + "/" + t.Object().Namespace + "/" + t.Detail + "/" + helmFamily(t)
	})
	for i := range found {
		f := &found[i]
		class := strings.Split(f.Key, "/")
		f.Key = class[0]
		f.Remedies = []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcDescribe)}}
		switch workload.Kind(f.Key) {
		case workload.Crash, workload.OutOfMemory:
			f.After = extLogCauses(s, f.Objects)
			f.Remedies = []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcPreviousLog)}}
		case workload.Pull:
			f.Args["class"] = class[2]
			f.After = helmPullCause(class[2])
			if len(f.After) > 0 {
				f.Scope = "" // nodes pull images, whatever the namespace
			}
		default:
		}
		if class[3] == extMonitor {
			f.After = append(f.After, "MON-02", "MON-01")
		}
	}
	return found
}

// helmFamily keeps container insights apart: it has causes of its own.
func helmFamily(t workload.Trouble) string {
	if t.Object().Namespace == extSystem && strings.HasPrefix(t.Object().Name, extMonitor) {
		return extMonitor
	}
	return ""
}

func helmPullCause(class string) []string {
	switch class {
	case "dns":
		return []string{"ARC-07", "NET-01"}
	case "network":
		return []string{"ARC-07", "NET-02", "NET-03"}
	case "tls":
		return []string{"ARC-07", "NET-04"}
	}
	return nil
}
