package workload

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Moment is when an event happened last.
func Moment(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	case !event.EventTime.IsZero():
		return event.EventTime.Time
	}
	return event.CreationTimestamp.Time
}

// Latest returns the newest event about an object for a reason; an empty name means any object of the kind in the namespace.
func Latest(s *snapshot.Snapshot, kind, namespace, name, reason string) (corev1.Event, bool) {
	return latest(s, func(e *corev1.Event) bool {
		about := e.InvolvedObject
		return e.Reason == reason && about.Kind == kind && about.Namespace == namespace && (name == "" || about.Name == name)
	})
}

func latest(s *snapshot.Snapshot, keep func(*corev1.Event) bool) (corev1.Event, bool) {
	var found corev1.Event
	ok := false
	for i := range s.Events {
		if keep(&s.Events[i]) && (!ok || !Moment(&s.Events[i]).Before(Moment(&found))) {
			found, ok = s.Events[i], true
		}
	}
	return found, ok
}

func (f *finder) event(kind, namespace, name, reason string) (corev1.Event, bool) {
	return Latest(f.s, kind, namespace, name, reason)
}

// pullEvent returns what the runtime said last about an image; between attempts the status only says that it waits.
func (f *finder) pullEvent(pod *corev1.Pod, image string) (corev1.Event, bool) {
	return latest(f.s, func(e *corev1.Event) bool {
		about := e.InvolvedObject
		return e.Reason == "Failed" && about.Kind == "Pod" && about.Namespace == pod.Namespace && about.Name == pod.Name &&
			strings.Contains(e.Message, "pull image") && strings.Contains(e.Message, image)
	})
}
