package check

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// extOwner says whose a workload is.
type extOwner string

const (
	ownNobody  extOwner = ""
	ownArc     extOwner = "arc"
	ownAgent   extOwner = "agent" // the agents of extensions on AKS
	ownFlux    extOwner = "flux"
	ownMesh    extOwner = "mesh"
	ownMonitor extOwner = "monitor"
	ownHelm    extOwner = "helm" // anything else that a Helm release manages
)

// extCase is a trouble, whose it is, and the one entry of the catalogue that it belongs to; Entry is empty when it is nobody's.
type extCase struct {
	workload.Trouble

	Owner extOwner
	Entry string
}

// extCases returns the troubles of all that doctor knows or that Helm manages, each under one entry, so that two checks never
// report the same.
func extCases(s *snapshot.Snapshot) []extCase {
	owners := extOwners(s)
	var cases []extCase
	for _, t := range workload.Find(s, "", func(o doctor.Object, labels map[string]string) bool { return owners.of(o, labels) != ownNobody }) {
		kept := t.Workload
		if kept.Kind == "" {
			kept = doctor.Object{Kind: t.Pod.Kind, Namespace: t.Pod.Namespace, Name: t.Pod.Name}
		}
		c := extCase{Trouble: t, Owner: owners.of(kept, extLabels(s, t.Pod))}
		c.Entry = extEntry(s, c)
		cases = append(cases, c)
	}
	return cases
}

// extOf returns the troubles that belong to one entry.
func extOf(s *snapshot.Snapshot, id string) []workload.Trouble {
	var found []workload.Trouble
	for _, c := range extCases(s) {
		if c.Entry == id {
			found = append(found, c.Trouble)
		}
	}
	return found
}

// owners holds what Helm made, with namespace/name of the release; hooks do not name theirs.
type owners map[doctor.Object]string

const extSomeRelease = "?"

func extOwners(s *snapshot.Snapshot) owners {
	managed := owners{}
	add := func(kind string, meta *metav1.ObjectMeta) {
		object, release := doctor.Object{Kind: kind, Namespace: meta.Namespace, Name: meta.Name}, meta.Annotations["meta.helm.sh/release-name"]
		switch {
		case meta.Labels["app.kubernetes.io/managed-by"] == "Helm" && release != "":
			managed[object] = meta.Annotations["meta.helm.sh/release-namespace"] + "/" + release
		case meta.Annotations["helm.sh/hook"] != "":
			managed[object] = extSomeRelease
		}
	}
	for i := range s.Deployments {
		add("Deployment", &s.Deployments[i].ObjectMeta)
	}
	for i := range s.DaemonSets {
		add("DaemonSet", &s.DaemonSets[i].ObjectMeta)
	}
	for i := range s.Jobs {
		add("Job", &s.Jobs[i].ObjectMeta)
	}
	for _, release := range s.Releases {
		for _, o := range release.Objects {
			managed[helmObject(release, o)] = release.Namespace + "/" + release.Name
		}
	}
	return managed
}

func (m owners) of(o doctor.Object, labels map[string]string) extOwner {
	switch {
	case o.Namespace == arcSpace && o.Kind != "Job" && o.Kind != "Pod":
		return ownArc
	case o.Namespace == extSystem && o.Kind == "Deployment" && extensionName(o.Name):
		return ownAgent
	case o.Namespace == extFlux:
		return ownFlux
	case o.Namespace == extMesh:
		return ownMesh
	case o.Namespace == extSystem && strings.HasPrefix(o.Name, extMonitor):
		return ownMonitor
	case m[o] != "", o.Kind == "StatefulSet" && labels["app.kubernetes.io/managed-by"] == "Helm":
		return ownHelm
	}
	return ownNobody
}

func extLabels(s *snapshot.Snapshot, pod doctor.Object) map[string]string {
	if at := slices.IndexFunc(s.Pods, func(p corev1.Pod) bool { return p.Namespace == pod.Namespace && p.Name == pod.Name }); at >= 0 {
		return s.Pods[at].Labels
	}
	return nil
}

// extEntry names the entry that a trouble belongs to, of whatever area; empty when no entry is about it.
func extEntry(s *snapshot.Snapshot, c extCase) string {
	switch {
	case c.Workload.Kind == "Job" && (c.Kind == workload.Crash || c.Kind == workload.OutOfMemory):
		return "" // the Job tries again, or has failed: HLM-02
	case c.Kind == workload.Taint && extCriticalOnly(s, c.Trouble):
		return "EXT-09"
	case c.Kind == workload.Taint:
		return "EXT-04"
	case c.Kind == workload.Selector, extForeign(s, c.Trouble):
		return "HLM-04"
	case c.Owner == ownArc:
		return arcEntry(s, c.Trouble)
	case c.Owner == ownMesh:
		return "" // the mesh's own checks know more of it
	case c.Kind == workload.Pull && c.Owner != ownHelm:
		return "ARC-07"
	}
	switch c.Owner {
	case ownAgent:
		return extAgentEntry(c.Kind)
	case ownFlux:
		return extFluxEntry(c.Trouble)
	case ownMonitor:
		if c.Kind == workload.PodSecurity || c.Kind == workload.Policy && regexp.MustCompile(`(?i)privileged`).MatchString(c.Message) {
			return "MON-01"
		}
	default:
	}
	return extHelmEntry(c.Kind)
}

func extAgentEntry(kind workload.Kind) string {
	switch kind {
	case workload.PodSecurity, workload.Policy, workload.LimitRange, workload.Refused:
		return "EXT-03"
	default:
		return "EXT-02"
	}
}

func extFluxEntry(t workload.Trouble) string {
	switch t.Kind {
	case workload.Insufficient, workload.Quota, workload.LimitRange:
		return "FLX-08"
	case workload.Policy, workload.PodSecurity, workload.Refused:
		return fluxRefusal(t.Message)
	default:
		return "FLX-02"
	}
}

func extHelmEntry(kind workload.Kind) string {
	switch kind {
	case workload.Insufficient, workload.Quota:
		return "HLM-03"
	case workload.ConfigError, workload.Crash, workload.OutOfMemory, workload.StartError, workload.Mount, workload.Pull:
		return "HLM-05"
	case workload.PodSecurity, workload.Policy, workload.LimitRange, workload.Refused:
		return "EXT-03"
	default:
		return "" // HLM-01 names it when the release failed
	}
}

// extForeign reports whether an image is built for another system or processor.
func extForeign(s *snapshot.Snapshot, t workload.Trouble) bool {
	wrong := regexp.MustCompile(`(?i)exec format error`)
	switch t.Kind {
	case workload.Pull:
		return t.Detail == "platform"
	case workload.StartError:
		return wrong.MatchString(t.Message)
	case workload.Crash:
		for _, log := range s.LogsOf(t.Pod.Namespace, t.Pod.Name, t.Pod.Container) {
			// A shell may say so of a file that it was asked to run; only a whole log of it means the container's own program.
			if wrong.MatchString(log.Text) && strings.Count(strings.TrimSpace(log.Text), "\n") == 0 {
				return t.Pod.Name == log.Pod && t.Pod.Container != ""
			}
		}
	default:
	}
	return false
}

// extCriticalOnly reports whether the taint CriticalAddonsOnly keeps a pod away. Newer schedulers do not name taints; then the nodes tell.
func extCriticalOnly(s *snapshot.Snapshot, t workload.Trouble) bool {
	if t.Detail != "" {
		return strings.Contains(t.Detail, extCriticalTaint)
	}
	return len(s.Nodes) > 0 && !slices.ContainsFunc(s.Nodes, func(n corev1.Node) bool { return !n.Spec.Unschedulable && !extTainted(&n) })
}

const extCriticalTaint = "CriticalAddonsOnly"

func extTainted(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return t.Key == extCriticalTaint && t.Effect != corev1.TaintEffectPreferNoSchedule
	})
}
