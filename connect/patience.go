package connect

import (
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// patience is how long a wait may take before a person wants to know what it is for.
const patience = 30 * time.Second

// code tells trouble that has a known cure from that which has not.
func (e *hopelessError) code() string {
	for _, t := range e.found {
		if strings.HasPrefix(t.what, "the image ") && regexp.MustCompile(`x509|tls: `).MatchString(t.detail) {
			return "ImageUntrusted"
		}
	}
	return "AgentsNotRunning"
}

// heldUp names the first pod that is not ready and why, once the wait has been long and no trouble explains it.
func (w *watch) heldUp(now time.Time) string {
	if len(w.found) > 0 || w.began.IsZero() || now.Sub(w.began) < patience {
		return ""
	}
	for i := range w.pods {
		if pod := &w.pods[i]; pod.DeletionTimestamp == nil && !podReady(pod) {
			return "; pod/" + pod.Name + ": " + unready(pod, w.events)
		}
	}
	return ""
}

// unready says why a pod is not ready: what its probe said last, else what its state says.
func unready(pod *corev1.Pod, events []corev1.Event) string {
	if message := newest(events, "Pod", pod.Name, "Unhealthy"); message != "" {
		return firstLine(message)
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Message != "" {
			return firstLine(condition.Message)
		}
	}
	return strings.ToLower(string(pod.Status.Phase))
}
