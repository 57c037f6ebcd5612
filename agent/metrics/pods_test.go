package metrics

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func podOf(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	p := &corev1.Pod{}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	reduce(p)
	return p
}

const isReady = `"conditions":[{"type":"Ready","status":"True"}]`

func label(created string) string {
	return `"metadata":{"creationTimestamp":"` + created + `","labels":{"app.kubernetes.io/component":"config-agent","app.kubernetes.io/version":"1.40.0"}}`
}

func TestProblemsOfPods(t *testing.T) {
	const young, old = "2026-11-21T11:59:30Z", "2026-11-21T11:00:00Z"
	cases := map[string]struct {
		reason, text, want string
	}{
		"Ready":         {"nothing wrong", `{` + label(old) + `,"status":{` + isReady + `}}`, ""},
		"Starting":      {"a young pod may take a while", `{` + label(young) + `,"status":{"containerStatuses":[{"state":{"waiting":{"reason":"ContainerCreating"}}}]}}`, ""},
		"Old":           {"an old one may not", `{` + label(old) + `,"status":{"phase":"Running"}}`, "the pod is not ready after 1h0m0s"},
		"Image":         {"the reason is the kubelet's", `{` + label(young) + `,"status":{"containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff","message":"no such host"}}}]}}`, "ImagePullBackOff: no such host"},
		"Crash":         {"with or without a message", `{` + label(young) + `,"status":{"containerStatuses":[{"restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}`, "CrashLoopBackOff"},
		"Unschedulable": {"the scheduler's sentence", `{` + label(young) + `,"status":{"conditions":[{"type":"PodScheduled","status":"False","message":"0/1 nodes are available"}]}}`, "the pod cannot be scheduled: 0/1 nodes are available"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := components(map[string]*corev1.Pod{"p": podOf(t, c.text)}, nil, nil, now())
			if len(found) != 1 || found[0].problem != c.want || found[0].Type != "config-agent" || found[0].CurrentVersion != "1.40.0" {
				t.Errorf("%s: %+v", c.reason, found)
			}
			status := statusOf(found, now())
			if (status.State == "Failed") != (c.want != "") || len(status.Errors) > 0 != (c.want != "") {
				t.Errorf("status %+v", status)
			}
		})
	}
}

func TestARollOutIsOneComponent(t *testing.T) {
	pods := map[string]*corev1.Pod{
		"new":  podOf(t, `{`+label("2026-11-21T11:59:50Z")+`,"status":{}}`),
		"old":  podOf(t, `{`+label("2026-11-21T09:00:00Z")+`,"status":{`+isReady+`,"podIP":"10.0.0.1"}}`),
		"dead": podOf(t, `{`+label("2026-11-21T09:00:00Z")+`,"status":{"phase":"Failed"}}`),
	}
	found := components(pods, []string{"config-agent"}, map[string]time.Time{}, now())
	if len(found) != 1 || !found[0].Ready || found[0].address != "10.0.0.1" {
		t.Errorf("components %+v", found)
	}
}

func TestAMissingAgentIsAnErrorAfterAWhile(t *testing.T) {
	missing := map[string]time.Time{}
	if found := components(nil, []string{"metrics-agent"}, missing, now()); len(found) != 1 || found[0].problem != "" || found[0].Ready {
		t.Errorf("at once: %+v", found)
	}
	if found := components(nil, []string{"metrics-agent"}, missing, now().Add(grace)); found[0].problem == "" {
		t.Errorf("after a while: %+v", found)
	}
}

func TestParseReadsTwoValues(t *testing.T) {
	text := "# HELP process_resident_memory_bytes x\nprocess_resident_memory_bytes 1.5728640e+07\nprocess_cpu_seconds_total 0.25\nother 1\n"
	got, err := parse(strings.NewReader(text))
	if err != nil || got != (sample{15728640, 0.25}) {
		t.Errorf("parsed %+v, %v", got, err)
	}
	for _, bad := range []string{"process_resident_memory_bytes NaN", "process_resident_memory_bytes -1", "process_resident_memory_bytes 1e300", "process_resident_memory_bytes"} {
		if got, err := parse(strings.NewReader(bad)); err != nil || got.memory != 0 {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("process_resident_memory_bytes 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got, _ := parse(strings.NewReader(text)); got.memory < 0 || got.cpu < 0 {
			t.Errorf("%+v", got)
		}
	})
}
