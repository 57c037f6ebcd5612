package connect

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

const testImage = "hub.example.org:8443/azurearck8s/fairlead:1.404.0"

func waiting(reason, message string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fairlead.ClusterIdentityOperator + "-a"},
		Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "agent", Image: testImage, RestartCount: 5,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}},
	}
}

func failed(message string) corev1.Event {
	return corev1.Event{Reason: "Failed", Message: message, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: fairlead.ClusterIdentityOperator + "-a"}}
}

func TestTroublesTellWhatWaitingDoesNotMend(t *testing.T) {
	backOff := `Back-off pulling image "` + testImage + `"`
	cases := map[string]struct {
		reason, detail string
		pod            corev1.Pod
		events         []corev1.Event
		fatal          bool
	}{
		"Untrusted": {"the node does not know the hub's authority", "x509", waiting("ErrImagePull", "failed: x509: certificate signed by unknown authority"), nil, true},
		"InStatus":  {"newer kubelets keep the cause in the status; events that repeat it must not replace it", "x509", waiting("ImagePullBackOff", backOff+": ErrImagePull: x509: bad"), []corev1.Event{failed("Error: ErrImagePull")}, true},
		"InEvent":   {"older kubelets have the cause in an event only", "not found", waiting("ImagePullBackOff", backOff), []corev1.Event{failed(`Failed to pull image "x": not found`), failed("Error: ImagePullBackOff")}, true},
		"TagNumber": {"a number in the image's name is no status of the registry", "Back-off", waiting("ImagePullBackOff", backOff), nil, false},
		"Network":   {"a network may come back", "i/o timeout", waiting("ErrImagePull", "dial tcp: i/o timeout"), nil, false},
		"CrashLoop": {"after that many restarts the next will not help", "5 restarts", waiting("CrashLoopBackOff", ""), nil, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := troubles([]corev1.Pod{c.pod}, c.events)
			if len(found) != 1 || found[0].fatal != c.fatal || !strings.Contains(found[0].detail, c.detail) {
				t.Errorf("%s: got %+v", c.reason, found)
			}
		})
	}
}

func TestJudgeWaitsBeforeItGivesUp(t *testing.T) {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	needed := trouble{object: "pod/" + fairlead.ClusterIdentityOperator + "-a", what: "bad", fatal: true}
	other := trouble{object: "pod/" + fairlead.MetricsAgent + "-a", what: "bad", fatal: true}
	cases := map[string]struct {
		reason        string
		first, second []trouble
		after         time.Duration
		hopeless      bool
	}{
		"Lasting":   {"the same trouble for 20 s", []trouble{needed}, []trouble{needed}, 20 * time.Second, true},
		"Young":     {"a registry may have been restarted", []trouble{needed}, []trouble{needed}, 19 * time.Second, false},
		"New":       {"trouble that has only just begun starts its own time", nil, []trouble{needed}, time.Minute, false},
		"NotNeeded": {"the wait is for another agent", []trouble{other}, []trouble{other}, time.Minute, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWatch(nil, fairlead.ClusterIdentityOperator)
			w.found = c.first
			if err := w.judge(start); err != nil {
				t.Fatalf("gave up at once: %v", err)
			}
			w.found = c.second
			if err := w.judge(start.Add(c.after)); (err != nil) != c.hopeless {
				t.Errorf("%s: got %v", c.reason, err)
			}
		})
	}
}
