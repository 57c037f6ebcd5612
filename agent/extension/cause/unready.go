package cause

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// The guides' words.
const (
	saysTimeout = "Timed out waiting for the resource to come to a ready/completed state."
	saysJob     = "job failed: "
)

// unready looks for what kept an object from becoming ready: a Job that gave up first, then the pods.
func (i *inquiry) unready(ctx context.Context) {
	i.world = i.read(ctx)
	defer func() {
		for _, gap := range i.world.gaps {
			i.say("", gap)
		}
	}()
	if i.gaveUp(ctx) {
		return
	}
	i.found.Code = fairlead.CauseReadinessTimeout
	i.found.Message, i.found.DoctorID = saysTimeout, "HLM-01"
	if troubles := i.troubles(); len(troubles) > 0 {
		i.blame(ctx, troubles)
	} else {
		i.blameLate()
	}
	for _, one := range i.world.late {
		i.say(one.String(), "status "+one.status+", "+one.message)
	}
	i.advise("kubectl get pods -n "+i.Namespace, "kubectl get events -n "+i.Namespace+" --field-selector type=Warning")
}

// troubles are those of the release's objects, and when there are none those of pods that began in its namespace meanwhile, as
// operators make them. The ones that Helm waited for come first, then those whose kind says most.
func (i *inquiry) troubles() []workload.Trouble {
	w := i.world
	found := workload.Find(&w.Snapshot, "", func(o doctor.Object, _ map[string]string) bool { return i.ours(o) })
	found = append(found, w.refusals()...)
	found = append(found, i.relapses(found)...)
	if len(found) == 0 {
		found = workload.Find(&w.Snapshot, i.Namespace, nil)
		found = slices.DeleteFunc(found, func(t workload.Trouble) bool { return !i.recent(t) })
	}
	found = slices.DeleteFunc(found, func(t workload.Trouble) bool { return t.Kind == workload.ScaledDown })
	slices.SortStableFunc(found, func(a, b workload.Trouble) int {
		return cmp.Or(cmp.Compare(w.waitedFor(a), w.waitedFor(b)), cmp.Compare(rank(a.Kind), rank(b.Kind)))
	})
	return found
}

// ours reports whether an object, or what it is a pod of, comes from the chart.
func (i *inquiry) ours(o doctor.Object) bool {
	if i.world.made[o] {
		return true
	}
	for n := range i.world.Deployments {
		d := &i.world.Deployments[n]
		if o.Kind == "Deployment" && o.Namespace == d.Namespace && o.Name == d.Name {
			return d.Annotations["meta.helm.sh/release-name"] == i.Release && d.Annotations["meta.helm.sh/release-namespace"] == i.Namespace
		}
	}
	return false
}

// recent reports whether the pod of a trouble was made during the operation.
func (i *inquiry) recent(t workload.Trouble) bool {
	return slices.ContainsFunc(i.world.Pods, func(p corev1.Pod) bool {
		return p.Namespace == t.Pod.Namespace && p.Name == t.Pod.Name && !p.CreationTimestamp.Time.Before(i.Since.Truncate(1e9))
	})
}

// refusals are objects other than Deployments and DaemonSets, of which workload knows, whose pods cannot be made.
func (w *world) refusals() []workload.Trouble {
	var found []workload.Trouble
	objects := slices.SortedFunc(maps.Keys(w.made), func(a, b doctor.Object) int { return cmp.Compare(a.String(), b.String()) })
	for _, object := range objects {
		if object.Kind != "StatefulSet" && object.Kind != "Job" {
			continue
		}
		if event, ok := workload.Latest(&w.Snapshot, object.Kind, object.Namespace, object.Name, "FailedCreate"); ok {
			found = append(found, workload.Trouble{
				Kind: workload.Admission(event.Message), Workload: object, Message: event.Message, Source: "event", Since: workload.Moment(&event),
			})
		}
	}
	return found
}

// waitedFor is 0 when Helm names the trouble's object among those that did not become ready, and 1 otherwise.
func (w *world) waitedFor(t workload.Trouble) int {
	for _, one := range w.late {
		if one.Object == t.Workload || one.Kind == "Pod" && one.Namespace == t.Pod.Namespace && one.Name == t.Pod.Name {
			return 0
		}
	}
	return 1
}

// rank orders kinds of trouble by how much they say of the cause.
func rank(kind workload.Kind) int {
	order := []workload.Kind{
		workload.Pull, workload.Quota, workload.Policy, workload.PodSecurity, workload.LimitRange, workload.Refused, workload.Taint, workload.Insufficient,
		workload.Selector, workload.Unscheduled, workload.ConfigError, workload.Mount, workload.StartError, workload.OutOfMemory, workload.Crash, workload.NotReady,
	}
	if at := slices.Index(order, kind); at >= 0 {
		return at
	}
	return len(order)
}

// blame explains the first trouble, and mentions the others.
func (i *inquiry) blame(ctx context.Context, troubles []workload.Trouble) {
	const few = 4
	first := troubles[0]
	i.found.Target = target(first)
	i.say(first.Object().String(), strings.TrimSpace(first.Message))
	i.judge(ctx, first)
	for _, other := range troubles[1:] {
		if len(i.found.Evidence) < few {
			i.say(other.Object().String(), strings.TrimSpace(other.Message))
		}
	}
}

// target is the object that a person installed rather than one of its pods.
func target(t workload.Trouble) string {
	if t.Workload.Kind != "" {
		return t.Workload.String()
	}
	t.Pod.Container = ""
	return t.Pod.String()
}

// blameLate is for objects that have no pods, such as volume claims, Services and custom resources.
func (i *inquiry) blameLate() {
	switch {
	case len(i.world.late) == 0:
		i.say("", i.text)
		i.found.Cause = "Time ran out before everything that the chart installs was ready; nothing is wrong with its pods by now. Repeat the operation, with more time if it takes long."
		if strings.Contains(i.text, "uninstall the release") {
			i.found.Cause = "Time ran out while what there was of the release was removed. Repeat the operation, with more time if it takes long."
		}
		return
	case i.blameClaim():
		return
	}
	one := i.world.late[0]
	i.found.Target = one.String()
	i.found.Cause = fmt.Sprintf("%s did not become ready in time: %s.", named(one.Object), strings.TrimSuffix(cmp.Or(one.message, "its status is "+one.status), "."))
	if strings.Contains(i.text, "still exists. status") {
		i.found.Cause = fmt.Sprintf("%s was deleted and is still there: something has to remove its finalizers first, or its pods do not end.", named(one.Object))
		i.advise("kubectl get " + resource(one.Object) + " -o jsonpath='{.metadata.finalizers}'")
	}
	i.advise("kubectl describe " + resource(one.Object))
}

// named is an object in a sentence.
func named(o doctor.Object) string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Name + " in namespace " + o.Namespace
}

// resource is an object as kubectl takes it.
func resource(o doctor.Object) string {
	text := strings.ToLower(o.Kind) + " " + o.Name
	if o.Namespace != "" {
		text += " -n " + o.Namespace
	}
	return text
}

// podOf returns the pod of a trouble as it was read; nil when it has none.
func (w *world) podOf(t workload.Trouble) *corev1.Pod { return pod(&w.Snapshot, t.Pod) }

func pod(s *snapshot.Snapshot, o doctor.Object) *corev1.Pod {
	for n := range s.Pods {
		if s.Pods[n].Namespace == o.Namespace && s.Pods[n].Name == o.Name {
			return &s.Pods[n]
		}
	}
	return nil
}
