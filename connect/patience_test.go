package connect

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

func TestALongWaitNamesWhatItIsFor(t *testing.T) {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	unhealthy := corev1.Event{
		Reason: "Unhealthy", Message: "Readiness probe failed: the hub does not answer",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "slow"},
	}
	cases := map[string]struct {
		reason string
		passed time.Duration
		events []corev1.Event
		found  []trouble
		want   string
	}{
		"Young":   {"a few seconds need no reason", 29 * time.Second, []corev1.Event{unhealthy}, nil, ""},
		"Probe":   {"the probe knows best", 30 * time.Second, []corev1.Event{unhealthy}, nil, "; pod/slow: Readiness probe failed: the hub does not answer"},
		"State":   {"without one, the state", time.Minute, nil, nil, "; pod/slow: containers with unready status: [agent]"},
		"Trouble": {"trouble is told anyway", time.Minute, nil, []trouble{{object: "pod/slow", what: "bad"}}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := &watch{began: start, events: c.events, found: c.found, pods: []corev1.Pod{
				podWith("well", corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}),
				podWith("slow", corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Message: "containers with unready status: [agent]"}),
			}}
			if got := w.heldUp(start.Add(c.passed)); got != c.want {
				t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func podWith(name string, condition corev1.PodCondition) corev1.Pod {
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{Conditions: []corev1.PodCondition{condition}}}
}

func TestUntrustedImagesHaveACodeOfTheirOwn(t *testing.T) {
	pull := "the image " + testImage + " cannot be pulled"
	object := "pod/" + fairlead.ConfigAgent
	for want, found := range map[string]trouble{
		"ImageUntrusted":   {object: object, what: pull, detail: "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		"AgentsNotRunning": {object: object, what: pull, detail: "not found"},
	} {
		if got := (&hopelessError{[]trouble{found}}).code(); got != want {
			t.Errorf("%s: got %s, want %s", found, got, want)
		}
	}
}
