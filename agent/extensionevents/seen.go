package extensionevents

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

const (
	logLines = 10
	logBytes = 16 << 10
)

// keepPod leaves of a pod what is looked at.
func keepPod(pod *corev1.Pod) {
	pod.Spec, pod.Annotations, pod.OwnerReferences = corev1.PodSpec{}, nil, nil
	pod.Status = corev1.PodStatus{InitContainerStatuses: pod.Status.InitContainerStatuses, ContainerStatuses: pod.Status.ContainerStatuses}
}

// keepEvent leaves of an event what is told.
func keepEvent(event *corev1.Event) {
	event.Labels, event.Annotations, event.Source, event.ReportingInstance = nil, nil, corev1.EventSource{}, ""
}

// seeEvents tells of warnings about the releases' objects.
func (p *place) seeEvents(_ context.Context, all map[string]*corev1.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ordered := slices.SortedFunc(maps.Values(all), func(a, b *corev1.Event) int { return timeOf(a).Compare(timeOf(b)) })
	for _, event := range ordered {
		about := event.InvolvedObject
		whose, found := p.ownerOf(about.Name, p.labels[about.Name])
		if !found || !p.fresh(timeOf(event)) || !p.due("event "+string(event.UID), event.Count) {
			continue
		}
		p.say(fairlead.ExtensionEvent{
			Extension: whose.extension, Generation: whose.generation, Time: timeOf(event).UTC(), Level: "Warning", Reason: cmp.Or(event.Reason, "Warning"),
			Object: about.Kind + "/" + p.namespace + "/" + about.Name, Message: whose.about(event.Reason, event.Message) + times(event.Count),
		})
	}
}

func times(count int32) string {
	if count < 2 {
		return ""
	}
	return fmt.Sprintf(" (%d times)", count)
}

func timeOf(event *corev1.Event) time.Time {
	for _, at := range []time.Time{event.LastTimestamp.Time, event.EventTime.Time} {
		if !at.IsZero() {
			return at
		}
	}
	return event.CreationTimestamp.Time
}

// trouble is a container that does not run.
type trouble struct {
	pod       *corev1.Pod
	container string
	reason    string
	message   string
	restarts  int32
	at        time.Time
	crashed   bool // it ran, and so wrote something
	whose     owner
}

// seePods tells of containers that do not run, with the last they wrote.
func (p *place) seePods(ctx context.Context, all map[string]*corev1.Pod) {
	for _, one := range p.troubles(all) {
		message := one.message
		if one.crashed && !one.whose.hidden {
			if words := p.lastWords(ctx, one); words != "" {
				message = strings.TrimSpace(message + "\nIts last lines:\n" + words)
			}
		}
		p.say(fairlead.ExtensionEvent{
			Extension: one.whose.extension, Generation: one.whose.generation, Time: p.Now().UTC(), Level: "Error", Reason: one.reason,
			Object: "Pod/" + p.namespace + "/" + one.pod.Name, Message: fmt.Sprintf("container %s: %s", one.container, message),
		})
	}
}

// troubles returns those that are to be told, and takes in the pods' labels.
func (p *place) troubles(all map[string]*corev1.Pod) []trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.labels = make(map[string]map[string]string, len(all))
	var found []trouble
	for _, name := range slices.Sorted(maps.Keys(all)) {
		pod := all[name]
		p.labels[name] = pod.Labels
		whose, ours := p.ownerOf(name, pod.Labels)
		if !ours {
			continue
		}
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			one, is := judge(status)
			one.pod, one.whose = pod, whose
			if one.reason == "RunContainerError" || one.reason == "CreateContainerError" { // they quote how the program is called
				one.message = whose.about(one.reason, one.message)
			}
			if is && p.fresh(one.at) && p.due(strings.Join([]string{string(pod.UID), one.container, one.reason}, " "), one.restarts) {
				found = append(found, one)
			}
		}
	}
	return found
}

// judge tells whether a container has ended with an error, or cannot be started.
func judge(status corev1.ContainerStatus) (trouble, bool) {
	t := trouble{container: status.Name, restarts: status.RestartCount}
	ended := status.State.Terminated
	if waiting := status.State.Waiting; waiting != nil {
		if !slices.Contains(hopeless(), waiting.Reason) {
			return t, false
		}
		t.reason, t.message, ended = waiting.Reason, waiting.Message, status.LastTerminationState.Terminated
		if ended == nil {
			return t, true
		}
	}
	if ended == nil || ended.ExitCode == 0 && t.reason == "" {
		return t, false
	}
	t.reason, t.at, t.crashed = cmp.Or(t.reason, ended.Reason, "Error"), ended.FinishedAt.Time, true
	t.message = strings.TrimSpace(fmt.Sprintf("it ended with code %d. %s", ended.ExitCode, t.message))
	return t, true
}

// hopeless are reasons of waiting that do not pass by waiting alone.
func hopeless() []string {
	return []string{
		"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
		"CreateContainerError", "RunContainerError",
	}
}

func (p *place) lastWords(ctx context.Context, one trouble) string {
	for _, previous := range []bool{one.restarts > 0, one.restarts == 0} {
		of := kube.Container{Namespace: p.namespace, Pod: one.pod.Name, Name: one.container, Previous: previous}
		text, err := p.Kube.Log(ctx, of, logLines, logBytes)
		if text = strings.TrimSpace(text); err == nil && text != "" {
			return text
		}
	}
	return ""
}
