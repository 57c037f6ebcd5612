package workload

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// grace is how long a container may be unready beyond its probe's own delay before that is a trouble, and how long a pod may
// wait for its volumes.
const grace = 10 * time.Second

func (f *finder) judgePod(pod *corev1.Pod) []Trouble {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			kind, detail := Unschedulable(condition.Message, pod)
			return []Trouble{{Kind: kind, Detail: detail, Pod: podObject(pod, ""), Message: condition.Message, Source: "status", Since: condition.LastTransitionTime.Time}}
		}
	}
	var found []Trouble
	for i, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if t, wrong := f.container(pod, &status, i < len(pod.Status.InitContainerStatuses)); wrong {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		found = f.waiting(pod)
	}
	return found
}

func (f *finder) container(pod *corev1.Pod, status *corev1.ContainerStatus, init bool) (Trouble, bool) {
	t := Trouble{Pod: podObject(pod, status.Name), Source: "status", Restarts: status.RestartCount}
	state := status.State
	switch {
	case state.Waiting != nil:
		return f.waitingContainer(pod, status, t)
	case state.Terminated != nil && (state.Terminated.ExitCode != 0 || !init && pod.Status.Phase != corev1.PodSucceeded && pod.Spec.RestartPolicy == corev1.RestartPolicyAlways):
		return Ended(state.Terminated, t), true
	case f.flaps(status):
		return Ended(status.LastTerminationState.Terminated, t), true
	case state.Running != nil && !status.Ready && !init:
		return f.unready(pod, status, t)
	}
	return t, false
}

func (f *finder) waitingContainer(pod *corev1.Pod, status *corev1.ContainerStatus, t Trouble) (Trouble, bool) {
	waiting := status.State.Waiting
	t.Message, t.Since = waiting.Message, pod.CreationTimestamp.Time
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		t.Kind = Pull
		if event, ok := f.pullEvent(pod, status.Image); ok && (waiting.Reason == "ImagePullBackOff" || t.Message == "") {
			t.Message, t.Source, t.Since = event.Message, "event", Moment(&event)
		}
		t.Detail = PullFailure(t.Message, status.Image)
		return t, true
	case "CrashLoopBackOff":
		if last := status.LastTerminationState.Terminated; last != nil {
			return Ended(last, t), true
		}
		t.Kind = Crash
		return t, true
	case "CreateContainerConfigError":
		t.Kind = ConfigError
		return t, true
	case "CreateContainerError", "RunContainerError", "PostStartHookError", "PreCreateHookError":
		t.Kind = StartError
		return t, true
	}
	return t, false
}

// flaps reports whether a container that runs at this moment only does so between two ends: it ended with an error soon after it began,
// more than once, and the current run has not lasted longer than that one.
func (f *finder) flaps(status *corev1.ContainerStatus) bool {
	const soon, again = 10 * time.Minute, 3
	running, last := status.State.Running, status.LastTerminationState.Terminated
	if running == nil || last == nil || last.ExitCode == 0 || status.RestartCount < again {
		return false
	}
	lasted := last.FinishedAt.Sub(last.StartedAt.Time)
	return !last.StartedAt.IsZero() && lasted < soon && f.s.Taken.Sub(running.StartedAt.Time) < lasted+grace
}

// Ended makes of a trouble one with a container that has ended.
func Ended(state *corev1.ContainerStateTerminated, t Trouble) Trouble {
	t.Kind, t.Since = Crash, state.FinishedAt.Time
	t.Message = fmt.Sprintf("ended with code %d (%s)", state.ExitCode, state.Reason)
	if state.Message != "" {
		t.Message += ": " + state.Message
	}
	switch state.Reason {
	case "OOMKilled":
		t.Kind = OutOfMemory
	case "StartError", "ContainerCannotRun":
		t.Kind = StartError
	}
	return t
}

// unready tolerates the time that the readiness probe itself allows.
func (f *finder) unready(pod *corev1.Pod, status *corev1.ContainerStatus, t Trouble) (Trouble, bool) {
	started := status.State.Running.StartedAt.Time
	allowed := grace
	for i := range pod.Spec.Containers {
		if probe := pod.Spec.Containers[i].ReadinessProbe; probe != nil && pod.Spec.Containers[i].Name == status.Name {
			period := max(probe.PeriodSeconds, 1)
			allowed = time.Duration(probe.InitialDelaySeconds+period) * time.Second
		}
	}
	if f.s.Taken.Sub(started) < allowed {
		return t, false
	}
	t.Kind, t.Since, t.Message = NotReady, started, "runs, and is not ready"
	if event, ok := f.event("Pod", pod.Namespace, pod.Name, "Unhealthy"); ok {
		t.Message, t.Source, t.Since = event.Message, "event", Moment(&event)
	}
	return t, true
}

// waiting judges a pod that has a node and has not begun.
func (f *finder) waiting(pod *corev1.Pod) []Trouble {
	if pod.Status.Phase != corev1.PodPending || pod.Spec.NodeName == "" {
		return nil
	}
	for _, reason := range []string{"FailedMount", "FailedAttachVolume"} {
		if event, ok := f.event("Pod", pod.Namespace, pod.Name, reason); ok {
			return []Trouble{{Kind: Mount, Pod: podObject(pod, ""), Message: event.Message, Source: "event", Since: Moment(&event)}}
		}
	}
	if event, ok := f.event("Pod", pod.Namespace, pod.Name, "FailedCreatePodSandBox"); ok {
		return []Trouble{{Kind: Stuck, Pod: podObject(pod, ""), Message: event.Message, Source: "event", Since: Moment(&event)}}
	}
	if f.s.Taken.Sub(pod.CreationTimestamp.Time) > time.Minute {
		return []Trouble{{Kind: Stuck, Pod: podObject(pod, ""), Message: "waits to be started (" + firstWaiting(pod) + ")", Source: "status", Since: pod.CreationTimestamp.Time}}
	}
	return nil
}

func firstWaiting(pod *corev1.Pod) string {
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if status.State.Waiting != nil {
			return status.State.Waiting.Reason
		}
	}
	return string(pod.Status.Phase)
}
