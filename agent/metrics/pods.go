package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
)

// componentLabel names the Deployment to which a pod of ours belongs.
const componentLabel = "app.kubernetes.io/component"

// grace is how long a pod may take to become ready before that is an error.
const grace = 2 * time.Minute

// reduce leaves of a Pod what is read of it.
func reduce(pod *corev1.Pod) {
	pod.Annotations, pod.OwnerReferences = nil, nil
	pod.Spec = corev1.PodSpec{}
}

// component is one agent as its pod shows it.
type component struct {
	fairlead.SystemComponent
	address string // where its metrics are, empty when it has none
	problem string // what is wrong, empty when nothing is
}

func ready(p *corev1.Pod) bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func gone(p *corev1.Pod) bool {
	return p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

func componentOf(p *corev1.Pod, now time.Time) component {
	c := component{address: p.Status.PodIP, SystemComponent: fairlead.SystemComponent{
		Type: p.Labels[componentLabel], CurrentVersion: p.Labels["app.kubernetes.io/version"], Ready: ready(p),
	}}
	for _, container := range p.Status.ContainerStatuses {
		c.Restarts += int(container.RestartCount)
	}
	if !c.Ready {
		c.problem = problemOf(p, now)
	}
	return c
}

// problem says why a pod is not ready, or nothing while it is young and only starting.
func problemOf(p *corev1.Pod, now time.Time) string {
	for _, container := range p.Status.ContainerStatuses {
		waiting := container.State.Waiting
		if waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
			return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
		}
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return "the pod cannot be scheduled: " + condition.Message
		}
	}
	age := now.Sub(p.CreationTimestamp.Time)
	if age < grace {
		return ""
	}
	return fmt.Sprintf("the pod is not ready after %s", age.Round(time.Minute))
}

// components returns one component for each Deployment that should be there: its ready pod if there
// are several, as during a roll-out. In missing stands since when the others have no pod at all.
func components(pods map[string]*corev1.Pod, wanted []string, missing map[string]time.Time, now time.Time) []component {
	best := map[string]component{}
	for _, p := range pods {
		c := componentOf(p, now)
		if c.Type == "" || gone(p) {
			continue
		}
		if other, twice := best[c.Type]; !twice || better(c, other) {
			best[c.Type] = c
		}
	}
	for _, name := range wanted {
		noteMissing(best, missing, name, now)
	}
	found := make([]component, 0, len(best))
	for _, name := range slices.Sorted(maps.Keys(best)) {
		found = append(found, best[name])
	}
	return found
}

func better(c, other component) bool { return c.Ready && !other.Ready }

func noteMissing(best map[string]component, missing map[string]time.Time, name string, now time.Time) {
	if _, there := best[name]; there {
		delete(missing, name)
		return
	}
	since, noted := missing[name]
	if !noted {
		missing[name], since = now, now
	}
	c := component{SystemComponent: fairlead.SystemComponent{Type: name}}
	if now.Sub(since) >= grace {
		c.problem = "there is no pod of this deployment"
	}
	best[name] = c
}

// statusOf sums components up for the hub.
func statusOf(found []component, now time.Time) fairlead.AgentStatus {
	status := fairlead.AgentStatus{State: "Succeeded", Components: []fairlead.SystemComponent{}}
	for _, c := range found {
		status.Components = append(status.Components, c.SystemComponent)
		if c.problem != "" {
			status.State = "Failed"
			status.Errors = append(status.Errors, fairlead.AgentError{Component: c.Type, Severity: "Error", Message: c.problem, Time: now.UTC().Truncate(time.Second)})
		}
	}
	return status
}
