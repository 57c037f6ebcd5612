package cause

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fairlead/fairlead/doctor/workload"
)

// maxUnready bounds how many pods are remembered that are not ready.
const maxUnready = 200

// wait is what a pod waits for.
type wait struct {
	owner string // the object that the pod is of, as KIND/NAMESPACE/NAME; the pod itself when it is nobody's
	text  string
}

// Waits says which pods of these objects, named as KIND/NAMESPACE/NAME, are not ready, and what each waits for.
func (w *Witness) Waits(of []string) []string {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(w.unready)) {
		if one := w.unready[name]; slices.Contains(of, one.owner) {
			all = append(all, "Pod "+name+" "+one.text)
		}
	}
	return all
}

func (w *Witness) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.unready)
}

func (w *Witness) note(pod *corev1.Pod, happened watch.EventType) {
	now := wait{ownerOf(pod).String(), waitsFor(pod)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if happened == watch.Deleted || now.text == "" {
		delete(w.unready, pod.Name)
	} else if len(w.unready) < maxUnready {
		w.unready[pod.Name] = now
	}
}

// waitsFor says in a few words, behind the name of a pod, what it waits for; nothing when it is ready, done or going.
func waitsFor(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || workload.Leftover(pod) {
		return ""
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue && pod.Labels[batchv1.JobNameLabel] != "":
			return "runs"
		case condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue:
			return ""
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse:
			return "has no node: " + cmp.Or(condition.Message, condition.Reason)
		}
	}
	for _, status := range pod.Status.InitContainerStatuses {
		if text := holdsUp(status, "is run first"); text != "" {
			return text
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		if text := holdsUp(status, "runs, and is not ready yet"); text != "" {
			return text
		}
	}
	if pod.Spec.NodeName == "" {
		return "waits for the scheduler"
	}
	return "is about to start"
}

// holdsUp says what of a container keeps its pod from being ready.
func holdsUp(status corev1.ContainerStatus, running string) string {
	name := "waits: container " + status.Name + " "
	ended := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
	switch waiting := status.State.Waiting; {
	case waiting != nil && waiting.Reason == "CrashLoopBackOff" && ended != nil: // how long it is waited changes all the time
		return name + fmt.Sprintf("ended with code %d, and is started again later", ended.ExitCode)
	case waiting != nil && (waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing"):
		return name + "is being made, with its image and volumes"
	case waiting != nil:
		return strings.TrimSuffix(name+"cannot start: "+waiting.Reason+": "+waiting.Message, ": ")
	case status.State.Terminated != nil && status.State.Terminated.ExitCode != 0:
		return name + fmt.Sprintf("ended with code %d", status.State.Terminated.ExitCode)
	case status.State.Running != nil && !status.Ready:
		return name + running
	}
	return ""
}
