package connect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// hopelessAfter is how long trouble that does not mend itself may last before it ends a wait.
const hopelessAfter = 20 * time.Second

// trouble is something that keeps an agent's pod from running.
type trouble struct {
	object string // pod/NAME, or what could not make a pod
	what   string // a few words
	detail string // the cluster's own words
	fatal  bool   // waiting does not mend it
}

func (t trouble) String() string {
	text := t.object + " in namespace " + fairlead.AgentNamespace + ": " + t.what
	if t.detail != "" {
		text += ": " + t.detail
	}
	return text
}

func (t trouble) key() string { return t.object + " " + t.what }

type hopelessError struct{ found []trouble }

func (e *hopelessError) Error() string {
	lines := make([]string, len(e.found))
	for i, t := range e.found {
		lines[i] = t.String()
	}
	return strings.Join(slices.Compact(lines), "\n  ")
}

// watch looks at the agents' pods while something is waited for.
type watch struct {
	cluster *Cluster
	agent   string // the agent that the wait is for
	looked  time.Time
	since   map[string]time.Time // when fatal trouble was first seen
	began   time.Time            // when the wait began
	pods    []corev1.Pod
	events  []corev1.Event
	found   []trouble
	failed  error // why the last look saw nothing
}

func newWatch(cluster *Cluster, agent string) *watch {
	return &watch{cluster: cluster, agent: agent, since: map[string]time.Time{}}
}

// look looks at the pods, not more than once a second, and returns an error once nothing can come of them.
func (w *watch) look(ctx context.Context, now time.Time) error {
	if now.Sub(w.looked) < podsEvery {
		return nil
	}
	w.looked = now
	if w.began.IsZero() {
		w.began = now
	}
	pods, err := w.cluster.api.CoreV1().Pods(fairlead.AgentNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		w.failed = err
		return nil //nolint:nilerr // the hub is what counts; the API server may be busy
	}
	events, err := w.cluster.events(ctx)
	w.failed = err // pods without their events tell less, but something
	w.pods, w.events = pods.Items, events
	w.found = append(w.cluster.missingPods(ctx, events), troubles(w.pods, events)...)
	return w.judge(now)
}

// judge remembers fatal trouble and ends the wait when a pod that it needs has had it for long.
func (w *watch) judge(now time.Time) error {
	seen := map[string]bool{}
	var lasting []trouble
	for _, t := range w.found {
		if !t.fatal || !w.needed(t) {
			continue
		}
		seen[t.key()] = true
		if _, ok := w.since[t.key()]; !ok {
			w.since[t.key()] = now
		}
		if now.Sub(w.since[t.key()]) >= hopelessAfter {
			lasting = append(lasting, t)
		}
	}
	for key := range w.since {
		if !seen[key] {
			delete(w.since, key)
		}
	}
	if len(lasting) == 0 {
		return nil
	}
	return &hopelessError{lasting}
}

// needed reports whether trouble concerns the agent that is waited for, which runs in a pod of its
// own or, with profile edge, in the one pod of all.
func (w *watch) needed(t trouble) bool {
	return strings.Contains(t.object, w.agent) || strings.Contains(t.object, fairlead.EdgeAgent)
}

// summary says in a few words how the agents are.
func (w *watch) summary() string {
	ready := 0
	for i := range w.pods {
		if podReady(&w.pods[i]) {
			ready++
		}
	}
	text := fmt.Sprintf("%d of %d agent pods ready", ready, len(w.pods))
	if len(w.found) > 0 {
		text += "; " + w.found[0].object + ": " + w.found[0].what
	}
	return text
}

func podReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// evidence says all that is known to be wrong; when nothing is, it shows what the agent itself said last.
func (w *watch) evidence(ctx context.Context) string {
	lines := make([]string, 0, len(w.found)+1)
	for _, t := range w.found {
		lines = append(lines, "  "+t.String())
	}
	if w.failed != nil {
		lines = append(lines, fmt.Sprintf("  the cluster could not be looked at: %v", w.failed))
	}
	if len(w.pods) == 0 && len(lines) == 0 {
		lines = append(lines, "  there are no pods in namespace "+fairlead.AgentNamespace)
	}
	for i := range w.pods {
		lines = append(lines, w.story(ctx, &w.pods[i])...)
	}
	return "What the cluster shows:\n" + strings.Join(lines, "\n")
}

// story tells how a pod is and what it said last, unless it is healthy and not what is waited for.
func (w *watch) story(ctx context.Context, pod *corev1.Pod) []string {
	object := "pod/" + pod.Name
	if said := w.cluster.said(ctx, pod, w.agent); said != "" {
		return []string{fmt.Sprintf("  %s is %s; it said last:\n    %s", object, pod.Status.Phase, strings.ReplaceAll(said, "\n", "\n    "))}
	}
	told := slices.ContainsFunc(w.found, func(t trouble) bool { return t.object == object })
	if told || podReady(pod) {
		return nil
	}
	where := "without a node"
	if pod.Spec.NodeName != "" {
		where = "on node " + pod.Spec.NodeName
	}
	return []string{fmt.Sprintf("  %s is %s %s and has said nothing", object, pod.Status.Phase, where)}
}
