package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// How long a container runs before it is taken to be well. Kubernetes calls one without a probe ready in the moment in which it runs,
// and also between two of its ends.
const (
	steadyFirst = 3 * time.Second  // without a probe
	steadyAgain = 10 * time.Second // after an untimely end, whatever a probe says
	// Nodes write times in whole seconds, the rest cut off.
	cutOff = time.Second
	// How soon it is worth to look again at a container that does not run.
	lookAgain = time.Second
)

// Doubt is why a pod is not taken to be well, though it may count as ready.
type Doubt struct {
	Owner string        // the object that the pod is of, as KIND/NAMESPACE/NAME; the pod itself when it is nobody's
	Text  string        // what is seen of which container
	After time.Duration // when it may be over

	container doctor.Object
	ended     *corev1.ContainerStateTerminated // the run before, if its end was untimely
	restarts  int32
}

// Doubts judges pods while somebody waits for them. It remembers since when it sees a container run, because nodes' clocks differ.
type Doubts struct {
	Now func() time.Time

	since map[string]time.Time // by the runs of containers
}

// About returns the doubt about a pod, nil when there is none. Pods that are going, done or given up are left to others.
func (d *Doubts) About(pod *corev1.Pod) *Doubt {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil
	}
	var worst *Doubt
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		worst = Longer(worst, d.container(pod, &status))
	}
	return worst
}

// Longer returns the one of two doubts that lasts longer; either may be nil.
func Longer(one, other *Doubt) *Doubt {
	if one == nil || other != nil && other.After > one.After {
		return other
	}
	return one
}

// container returns the doubt about one of a pod's containers, nil when there is none.
func (d *Doubts) container(pod *corev1.Pod, status *corev1.ContainerStatus) *Doubt {
	doubt := &Doubt{
		Owner: ownerOf(pod).String(), After: lookAgain, restarts: status.RestartCount,
		container: doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, Container: status.Name},
	}
	name := "container " + status.Name + " of Pod " + pod.Name + " "
	if last := status.LastTerminationState.Terminated; last != nil && untimely(last) {
		doubt.ended = last
	}
	switch state := status.State; {
	case state.Waiting != nil && state.Waiting.Reason == "CrashLoopBackOff":
		doubt.Text = name + "ends again and again"
	case state.Terminated != nil && state.Terminated.ExitCode != 0:
		doubt.ended, doubt.Text = state.Terminated, name+fmt.Sprintf("ended with code %d", state.Terminated.ExitCode)
	case state.Running == nil || toEnd(pod, status.Name):
		return nil
	case doubt.ended != nil:
		doubt.After = steadyAgain - d.ran(pod, status)
		doubt.Text = name + fmt.Sprintf("ended with code %d, and has run for less than %s since", doubt.ended.ExitCode, steadyAgain)
	case !probed(pod, status.Name):
		doubt.After = steadyFirst - d.ran(pod, status)
		doubt.Text = name + fmt.Sprintf("has no probe, and has run for less than %s", steadyFirst)
	default:
		return nil
	}
	if doubt.After <= 0 {
		return nil
	}
	return doubt
}

// untimely reports whether a run ended before it was wanted: with an error, or soon, as of a program that a probe has ended.
func untimely(run *corev1.ContainerStateTerminated) bool {
	return run.ExitCode != 0 || run.FinishedAt.Sub(run.StartedAt.Time) < steadyAgain
}

// toEnd reports whether a container is one that is run before the others.
func toEnd(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && (c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways)
	})
}

// probed reports whether a container counts as ready only when something has asked it.
func probed(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), func(c corev1.Container) bool {
		return c.Name == name && (c.ReadinessProbe != nil || c.StartupProbe != nil)
	})
}

// ran is how long a container has been running at least: since its node says, or since it is seen, if that is longer. A node whose
// clock is so late that the container began before its pod was made is not believed.
func (d *Doubts) ran(pod *corev1.Pod, status *corev1.ContainerStatus) time.Duration {
	now, started := d.Now(), status.State.Running.StartedAt.Time
	run := strings.Join([]string{string(pod.UID), status.Name, status.ContainerID, started.String()}, " ")
	if d.since == nil {
		d.since = map[string]time.Time{}
	}
	if _, known := d.since[run]; !known {
		d.since[run] = now
	}
	if started.Before(pod.CreationTimestamp.Time) {
		started = pod.CreationTimestamp.Time
	}
	return max(now.Sub(started)-cutOff, now.Sub(d.since[run]))
}

// ownerOf returns the object that a pod is of, or the pod.
func ownerOf(pod *corev1.Pod) doctor.Object {
	if owner := workload.Owner(&snapshot.Snapshot{}, pod); owner.Kind != "" {
		return owner
	}
	return doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
}

// relapses are containers of the release that run, and have ended a moment ago: what a snapshot of the cluster calls well.
func (i *inquiry) relapses(known []workload.Trouble) []workload.Trouble {
	blamed := map[doctor.Object]bool{}
	for _, one := range known {
		blamed[one.Pod] = true
	}
	var found []workload.Trouble
	doubts := Doubts{Now: i.Now}
	for n := range i.world.Pods {
		pod := &i.world.Pods[n]
		owner := workload.Owner(&i.world.Snapshot, pod)
		doubt := doubts.About(pod)
		if doubt == nil || doubt.ended == nil || blamed[doubt.container] || !i.ours(owner) && !i.ours(ownerOf(pod)) {
			continue
		}
		found = append(found, workload.Ended(doubt.ended, workload.Trouble{
			Workload: owner, Pod: doubt.container, Source: "status", Restarts: doubt.restarts,
		}))
	}
	return found
}
