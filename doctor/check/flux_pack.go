package check

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// fluxPods are the pods of the extension: every container in one of its own, but for the one that ships logs.
func fluxPods() []corev1.ResourceList {
	var pods []corev1.ResourceList
	shipper := corev1.ResourceList{}
	for _, c := range fluxContainers() {
		if c.Name == "fluent-bit" {
			shipper = c.requests()
			continue
		}
		pods = append(pods, c.requests())
	}
	pods[0] = fluxSum(pods[0], shipper)
	for i := range pods {
		pods[i][corev1.ResourcePods] = *resource.NewQuantity(1, resource.DecimalSI)
	}
	slices.SortStableFunc(pods, func(a, b corev1.ResourceList) int {
		x, y := a[corev1.ResourceCPU], b[corev1.ResourceCPU]
		return y.Cmp(x)
	})
	return pods
}

// fluxNode is a node and the room that it has left.
type fluxNode struct {
	name string
	room corev1.ResourceList
}

func fluxNodeNames(nodes []fluxNode) []string {
	var names []string
	for _, n := range nodes {
		names = append(names, n.name)
	}
	return names
}

// fluxFree returns the nodes that take pods, with what they have left.
func fluxFree(s *snapshot.Snapshot) []fluxNode {
	used := map[string]corev1.ResourceList{}
	for i := range s.Pods {
		pod := &s.Pods[i]
		if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		one := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(1, resource.DecimalSI)}
		used[pod.Spec.NodeName] = fluxSum(used[pod.Spec.NodeName], fluxRequests(pod), one)
	}
	var free []fluxNode
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if !fluxTakes(n) {
			continue
		}
		room := corev1.ResourceList{}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourcePods} {
			left, ok := n.Status.Allocatable[name]
			if ok {
				left.Sub(used[n.Name][name])
				room[name] = left
			}
		}
		free = append(free, fluxNode{n.Name, room})
	}
	return free
}

// fluxRequests is what the scheduler counts for a pod: its containers together, or one that runs before them when that asks for more.
func fluxRequests(pod *corev1.Pod) corev1.ResourceList {
	sum := fluxSum(arcRequests(pod), pod.Spec.Overhead)
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sum = fluxSum(sum, c.Resources.Requests)
			continue
		}
		for name, asked := range c.Resources.Requests {
			if has := sum[name]; has.Cmp(asked) < 0 {
				sum[name] = asked
			}
		}
	}
	return sum
}

func fluxTakes(n *corev1.Node) bool {
	if n.Spec.Unschedulable || n.Labels[corev1.LabelOSStable] == "windows" {
		return false
	}
	if slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Effect != corev1.TaintEffectPreferNoSchedule }) {
		return false
	}
	return !slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue
	})
}

// fluxPlace reports whether all pods can be placed, each on one node. It gives up on a search that takes too long and says yes: a false alarm
// is worse than a scheduler that speaks for itself later.
func fluxPlace(pods []corev1.ResourceList, nodes []fluxNode) bool {
	const budget = 50_000
	steps := 0
	var place func(int) bool
	place = func(at int) bool {
		if at == len(pods) {
			return true
		}
		if steps++; steps > budget {
			return true
		}
		for i := range nodes {
			if tried := slices.ContainsFunc(nodes[:i], func(n fluxNode) bool { return fluxAlike(n.room, nodes[i].room) }); tried || !arcFits(pods[at], nodes[i].room) {
				continue
			}
			before := nodes[i].room
			nodes[i].room = fluxMinus(before, pods[at])
			done := place(at + 1)
			nodes[i].room = before
			if done {
				return true
			}
		}
		return false
	}
	return place(0)
}

func fluxMinus(room, taken corev1.ResourceList) corev1.ResourceList {
	left := corev1.ResourceList{}
	for name, quantity := range room {
		rest := quantity.DeepCopy()
		rest.Sub(taken[name])
		left[name] = rest
	}
	return left
}

func fluxAlike(a, b corev1.ResourceList) bool {
	for name, x := range a {
		if y, ok := b[name]; !ok || x.Cmp(y) != 0 {
			return false
		}
	}
	return len(a) == len(b)
}
