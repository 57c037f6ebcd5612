package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

// componentLabel names the Deployment to which a pod of ours belongs.
const componentLabel = "app.kubernetes.io/component"

// grace is how long a pod may take to become ready before that is an error.
const grace = 2 * time.Minute

// pod is what is read of a Pod.
type pod struct {
	kube.Object
	Status struct {
		Phase      string `json:"phase"`
		PodIP      string `json:"podIP"`
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
		ContainerStatuses []struct {
			RestartCount int `json:"restartCount"`
			State        struct {
				Waiting *struct {
					Reason  string `json:"reason"`
					Message string `json:"message"`
				} `json:"waiting"`
			} `json:"state"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

// component is one agent as its pod shows it.
type component struct {
	fairlead.SystemComponent
	address string // where its metrics are, empty when it has none
	problem string // what is wrong, empty when nothing is
}

func (p pod) ready() bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}
	return false
}

func (p pod) gone() bool {
	return p.Metadata.DeletionTimestamp != "" || p.Status.Phase == "Failed" || p.Status.Phase == "Succeeded"
}

func (p pod) component(now time.Time) component {
	c := component{address: p.Status.PodIP, SystemComponent: fairlead.SystemComponent{
		Type: p.Metadata.Labels[componentLabel], CurrentVersion: p.Metadata.Labels["app.kubernetes.io/version"], Ready: p.ready(),
	}}
	for _, container := range p.Status.ContainerStatuses {
		c.Restarts += container.RestartCount
	}
	if !c.Ready {
		c.problem = p.problem(now)
	}
	return c
}

// problem says why a pod is not ready, or nothing while it is young and only starting.
func (p pod) problem(now time.Time) string {
	for _, container := range p.Status.ContainerStatuses {
		waiting := container.State.Waiting
		if waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
			return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
		}
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == "PodScheduled" && condition.Status == "False" {
			return "the pod cannot be scheduled: " + condition.Message
		}
	}
	born, err := time.Parse(time.RFC3339, p.Metadata.CreationTimestamp)
	if err != nil || now.Sub(born) < grace {
		return ""
	}
	return fmt.Sprintf("the pod is not ready after %s", now.Sub(born).Round(time.Minute))
}

// components returns one component for each Deployment that should be there: its ready pod if there
// are several, as during a roll-out. In missing stands since when the others have no pod at all.
func components(pods map[string]pod, wanted []string, missing map[string]time.Time, now time.Time) []component {
	best := map[string]component{}
	for _, p := range pods {
		c := p.component(now)
		if c.Type == "" || p.gone() {
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
