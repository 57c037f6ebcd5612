package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// fluxContainer is what a container of the extension requests at least and may use at most.
type fluxContainer struct {
	Name, MinCPU, MinMemory, MaxCPU, MaxMemory string
}

// fluxContainers are the containers of the extension microsoft.flux.
func fluxContainers() []fluxContainer {
	return []fluxContainer{
		{"fluxconfig-agent", "5m", "30Mi", "50m", "150Mi"},
		{"fluxconfig-controller", "5m", "30Mi", "100m", "150Mi"},
		{"fluent-bit", "5m", "30Mi", "20m", "150Mi"},
		{"helm-controller", "100m", "64Mi", "1000m", "1Gi"},
		{"source-controller", "50m", "64Mi", "1000m", "1Gi"},
		{"kustomize-controller", "100m", "64Mi", "1000m", "1Gi"},
		{"notification-controller", "100m", "64Mi", "1000m", "1Gi"},
		{"image-automation-controller", "100m", "64Mi", "1000m", "1Gi"},
		{"image-reflector-controller", "100m", "64Mi", "1000m", "1Gi"},
	}
}

func fluxResources(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

func (c fluxContainer) requests() corev1.ResourceList { return fluxResources(c.MinCPU, c.MinMemory) }

func (c fluxContainer) limits() corev1.ResourceList { return fluxResources(c.MaxCPU, c.MaxMemory) }

func fluxSum(lists ...corev1.ResourceList) corev1.ResourceList {
	sum := corev1.ResourceList{}
	for _, list := range lists {
		for name, quantity := range list {
			total := sum[name]
			total.Add(quantity)
			sum[name] = total
		}
	}
	return sum
}

// fluxTotals are the sums of the table: one replica each, one fluent-bit.
func fluxTotals() (requests, limits corev1.ResourceList) {
	for _, c := range fluxContainers() {
		requests, limits = fluxSum(requests, c.requests()), fluxSum(limits, c.limits())
	}
	return requests, limits
}

func fluxNoRoom() doctor.Check {
	return fluxPart(doctor.Check{
		ID: "FLX-08", Severity: doctor.High, Eval: judgeFluxRoom,
		Uses: append(fluxPodNeeds(),
			snapshot.Everywhere(snapshot.Nodes), snapshot.Everywhere(snapshot.Pods), snapshot.In(extFlux, snapshot.LimitRanges),
			snapshot.In(extFlux, snapshot.ResourceQuotas), snapshot.In(extFlux, snapshot.Trials)),
	})
}

func judgeFluxRoom(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "FLX-08"), func(t workload.Trouble) string { return string(t.Kind) })
	for i := range found {
		fluxRoomFinding(&found[i])
	}
	if len(found) > 0 || fluxRuns(s) {
		return found
	}
	deployments := snapshot.In(extFlux, snapshot.Deployments)
	if !fluxAbsent(s) || !s.Known(deployments) {
		return unlessUnseen(s, nil, snapshot.In(extFlux, snapshot.Pods), deployments)
	}
	// Nothing was installed yet, or nothing could be: would there be room?
	if found = fluxTrialRoom(s); len(found) == 0 {
		found = append(fluxLimitRanges(s), fluxQuotas(s)...)
	}
	found = append(found, fluxUnplaced(s)...)
	return unlessUnseen(s, found, snapshot.Everywhere(snapshot.Nodes), snapshot.Everywhere(snapshot.Pods), snapshot.In(extFlux, snapshot.LimitRanges),
		snapshot.In(extFlux, snapshot.ResourceQuotas))
}

func fluxRoomFinding(f *doctor.Finding) {
	switch workload.Kind(f.Key) {
	case workload.Insufficient:
		f.Scope, f.After = "", []string{"ARC-06", "EXT-02", "HLM-03"} // the nodes are the same for all
		f.Remedies = []doctor.Remedy{{Key: "grow", Risk: doctor.Manual, Commands: []string{"kubectl describe nodes"}}}
	case workload.Quota:
		f.Remedies = []doctor.Remedy{{Key: "quota", Risk: doctor.Manual, Commands: []string{"kubectl describe resourcequotas -n " + extFlux}}}
	case workload.LimitRange:
		f.Remedies = []doctor.Remedy{{Key: "limits", Risk: doctor.Manual, Commands: []string{"kubectl describe limitranges -n " + extFlux}}}
	default:
		f.Key = string(workload.Policy)
		f.Remedies = []doctor.Remedy{{Key: "exclude", Risk: doctor.Manual, Commands: []string{"kubectl get validatingwebhookconfigurations"}}}
	}
}

func fluxTrialRoom(s *snapshot.Snapshot) []doctor.Finding {
	for _, trial := range s.Trials {
		if trial.Name != snapshot.TrialFluxPod || trial.Allowed || !fluxPolicyMessage(trial.Message) || fluxTrialEntry(trial.Message) != "FLX-08" {
			continue
		}
		finding := doctor.Finding{
			Status: doctor.Fail, Key: string(workload.Admission(trial.Message)), Scope: extFlux, Args: map[string]string{"agents": trial.Object},
			Evidence: []doctor.Evidence{{Source: "api", Object: trial.Object, Text: trial.Message}},
		}
		fluxRoomFinding(&finding)
		return []doctor.Finding{finding}
	}
	return nil
}

// fluxLimitRanges compares the table with the LimitRanges of the namespace.
func fluxLimitRanges(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	for i := range s.LimitRanges {
		r := &s.LimitRanges[i]
		if r.Namespace != extFlux {
			continue
		}
		object := doctor.Object{Kind: "LimitRange", Namespace: r.Namespace, Name: r.Name}
		finding := doctor.Finding{Status: doctor.Fail, Key: "limitRangeTable", Scope: extFlux, Objects: []doctor.Object{object}, Args: map[string]string{"name": r.Name}}
		for _, c := range fluxContainers() {
			for _, item := range r.Spec.Limits {
				if text := fluxBeyond(c, item); text != "" {
					finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: object.String(), Text: c.Name + ": " + text})
				}
			}
		}
		if len(finding.Evidence) > 0 {
			finding.Remedies = []doctor.Remedy{{Key: "limits", Risk: doctor.Manual, Commands: []string{"kubectl describe limitranges -n " + extFlux}}}
			found = append(found, finding)
		}
	}
	return found
}

// fluxBeyond says what of a container a limit does not allow.
func fluxBeyond(c fluxContainer, item corev1.LimitRangeItem) string {
	if item.Type != corev1.LimitTypeContainer && item.Type != corev1.LimitTypePod {
		return ""
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		asked, limit := c.requests()[name], c.limits()[name]
		if most, ok := item.Max[name]; ok && limit.Cmp(most) > 0 {
			return "limit of " + string(name) + " " + limit.String() + " is more than " + most.String()
		}
		if least, ok := item.Min[name]; ok && asked.Cmp(least) < 0 {
			return "request of " + string(name) + " " + asked.String() + " is less than " + least.String()
		}
		if ratio, ok := item.MaxLimitRequestRatio[name]; ok && limit.AsApproximateFloat64() > ratio.AsApproximateFloat64()*asked.AsApproximateFloat64() {
			return "limit of " + string(name) + " is more than " + ratio.String() + " times its request"
		}
	}
	return ""
}

// fluxQuotas compares the sums of the table with what the quotas of the namespace leave.
func fluxQuotas(s *snapshot.Snapshot) []doctor.Finding {
	requests, limits := fluxTotals()
	wanted := corev1.ResourceList{
		corev1.ResourceCPU: requests[corev1.ResourceCPU], corev1.ResourceRequestsCPU: requests[corev1.ResourceCPU],
		corev1.ResourceMemory: requests[corev1.ResourceMemory], corev1.ResourceRequestsMemory: requests[corev1.ResourceMemory],
		corev1.ResourceLimitsCPU: limits[corev1.ResourceCPU], corev1.ResourceLimitsMemory: limits[corev1.ResourceMemory],
		corev1.ResourcePods: *resource.NewQuantity(int64(len(fluxPods())), resource.DecimalSI),
	}
	var found []doctor.Finding
	for i := range s.ResourceQuotas {
		q := &s.ResourceQuotas[i]
		if q.Namespace != extFlux || len(q.Spec.Scopes) > 0 || q.Spec.ScopeSelector != nil {
			continue
		}
		object := doctor.Object{Kind: "ResourceQuota", Namespace: q.Namespace, Name: q.Name}
		finding := doctor.Finding{Status: doctor.Fail, Key: "quotaTable", Scope: extFlux, Objects: []doctor.Object{object}, Args: map[string]string{"name": q.Name}}
		for _, name := range slices.Sorted(fluxNames(q.Spec.Hard)) {
			left := q.Spec.Hard[name]
			left.Sub(q.Status.Used[name])
			if want, ok := wanted[name]; ok && want.Cmp(left) > 0 {
				finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{
					Source: "spec", Object: object.String(), Text: string(name) + ": " + want.String() + " is more than the " + left.String() + " that are left",
				})
			}
		}
		if len(finding.Evidence) > 0 {
			finding.Remedies = []doctor.Remedy{{Key: "quota", Risk: doctor.Manual, Commands: []string{"kubectl describe resourcequotas -n " + extFlux}}}
			found = append(found, finding)
		}
	}
	return found
}

func fluxNames(list corev1.ResourceList) func(func(corev1.ResourceName) bool) {
	return func(yield func(corev1.ResourceName) bool) {
		for name := range list {
			if !yield(name) {
				return
			}
		}
	}
}

// fluxUnplaced tries to place the pods of the extension on the nodes.
func fluxUnplaced(s *snapshot.Snapshot) []doctor.Finding {
	if !s.Known(snapshot.Everywhere(snapshot.Pods)) || !s.Known(snapshot.Everywhere(snapshot.Nodes)) || len(s.Nodes) == 0 {
		return nil
	}
	free := fluxFree(s)
	if len(free) == 0 || fluxPlace(fluxPods(), free) {
		return nil // no node takes any pod: that is a matter of taints
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "noRoom", Args: map[string]string{"cpu": "565m", "memory": "474Mi", "nodes": strings.Join(fluxNodeNames(free), ", ")},
		After:    []string{"FLX-03", "ARC-06", "EXT-02", "HLM-03"},
		Remedies: []doctor.Remedy{{Key: "grow", Risk: doctor.Manual, Commands: []string{"kubectl describe nodes"}}},
	}
	for _, n := range free {
		finding.Objects = append(finding.Objects, doctor.Object{Kind: "Node", Name: n.name})
		cpu, memory := n.room[corev1.ResourceCPU], n.room[corev1.ResourceMemory]
		finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: "Node/" + n.name, Text: n.name + ": free cpu " + cpu.String() + ", memory " + memory.String()})
	}
	return []doctor.Finding{finding}
}
