package cause

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor/workload"
)

// judge puts a trouble into plain words, names the entry of doctor's catalogue, and says what to do about it.
func (i *inquiry) judge(ctx context.Context, t workload.Trouble) {
	switch t.Kind {
	case workload.Insufficient, workload.Taint, workload.Selector, workload.Unscheduled:
		i.homeless(t)
	case workload.Quota, workload.LimitRange, workload.PodSecurity, workload.Policy, workload.Refused:
		i.refused(t)
	case workload.Pull:
		i.unpulled(t)
	case workload.ConfigError, workload.Mount:
		i.found.DoctorID = "HLM-05"
		i.found.Cause = fmt.Sprintf("%s cannot start, because of something that it needs and that is not there: %s.", named(t.Pod), strings.TrimSuffix(t.Message, "."))
		i.advise("Create what is missing, or correct the configuration setting that names it, and update the extension.")
	case workload.Crash, workload.StartError, workload.OutOfMemory, workload.NotReady:
		i.ends(ctx, t)
	default:
		i.found.Cause = fmt.Sprintf("%s did not get going: %s.", named(t.Object()), strings.TrimSuffix(t.Message, "."))
	}
	i.advise("kubectl describe " + resource(t.Object()))
}

// homeless is a pod that no node takes.
func (i *inquiry) homeless(t workload.Trouble) {
	pod := i.world.podOf(t)
	switch t.Kind {
	case workload.Taint:
		i.tainted(t)
	case workload.Insufficient:
		i.found.DoctorID = "HLM-03"
		i.found.Cause = fmt.Sprintf("No node has room for %s (%s): it requests %s, and the largest node offers %s.", named(t.Pod), t.Detail, requests(pod), i.world.largest())
		i.advise("kubectl describe nodes", "Add a node that is large enough, free what other pods request, or lower the requests with a configuration setting.")
	case workload.Selector:
		i.found.DoctorID = "HLM-04"
		i.found.Cause = fmt.Sprintf("%s asks for a node with %s, and there is none: the nodes are %s.", named(t.Pod), selector(pod), i.world.systems())
		i.advise("kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch", "Add a node that fits, or correct the selector with a configuration setting.")
	default:
		if i.unbound(t, pod) {
			return
		}
		i.found.Cause = fmt.Sprintf("No node takes %s: %s", named(t.Pod), t.Message)
		i.advise("kubectl describe nodes")
	}
}

// tainted quotes the scheduler as the guide does, so that who searches for the sentence finds it.
func (i *inquiry) tainted(t workload.Trouble) {
	const critical = "CriticalAddonsOnly"
	i.found.DoctorID = "EXT-04"
	if strings.Contains(t.Message, critical) {
		i.found.DoctorID = "EXT-09"
	}
	i.found.Message += " Extension pod error: " + strings.TrimSpace(t.Message)
	i.found.Cause = fmt.Sprintf("Every node that would do has a taint that %s does not tolerate: %s.", named(t.Pod), t.Detail)
	i.advise("kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints", "Add a node pool without the taint.")
	for n := range i.world.Nodes {
		for _, taint := range i.world.Nodes[n].Spec.Taints {
			if strings.Contains(t.Detail, taint.Key) && !strings.Contains(taint.Key, "kubernetes.io/") && len(i.found.Remedies) < 4 {
				i.advise(fmt.Sprintf("kubectl taint nodes %s %s:%s-", i.world.Nodes[n].Name, taint.Key, taint.Effect))
			}
		}
	}
}

// requests is what a pod asks for in all.
func requests(pod *corev1.Pod) string {
	if pod == nil {
		return "more"
	}
	total := corev1.ResourceList{}
	for n := range pod.Spec.Containers {
		for name, quantity := range pod.Spec.Containers[n].Resources.Requests {
			sum := total[name]
			sum.Add(quantity)
			total[name] = sum
		}
	}
	return quantities(total)
}

func quantities(list corev1.ResourceList) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(list)) {
		quantity := list[name]
		all = append(all, fmt.Sprintf("%s %s", name, quantity.String()))
	}
	if len(all) == 0 {
		return "nothing in particular"
	}
	return strings.Join(all, ", ")
}

// largest is the most cpu and memory that any node offers.
func (w *world) largest() string {
	most := corev1.ResourceList{}
	for n := range w.Nodes {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			offered, best := w.Nodes[n].Status.Allocatable[name], most[name]
			if offered.Cmp(best) > 0 {
				most[name] = offered
			}
		}
	}
	return quantities(most)
}

// systems lists what the nodes run, such as linux/amd64.
func (w *world) systems() string {
	var all []string
	for n := range w.Nodes {
		labels := w.Nodes[n].Labels
		if system := labels[corev1.LabelOSStable] + "/" + labels[corev1.LabelArchStable]; !slices.Contains(all, system) {
			all = append(all, system)
		}
	}
	return strings.Join(all, ", ")
}

// selector is what a pod asks of its node.
func selector(pod *corev1.Pod) string {
	if pod == nil || len(pod.Spec.NodeSelector) == 0 {
		return "the labels of its node affinity"
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(pod.Spec.NodeSelector)) {
		all = append(all, key+"="+pod.Spec.NodeSelector[key])
	}
	return strings.Join(all, ", ")
}
