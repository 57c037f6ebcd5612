package cause

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// noon is when pods are judged. A minute before they were made.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) metav1.Time { return metav1.NewTime(noon.Add(-d)) }

func runsFor(d time.Duration) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: before(d)}}
}

func endedWith(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", FinishedAt: before(2 * time.Second)}}
}

// single is a pod of one container, main, that is in one state and was in another before.
func single(now, earlier corev1.ContainerState, spec corev1.Container) *corev1.Pod {
	spec.Name = "main"
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-x", UID: "u", CreationTimestamp: before(time.Minute)}}
	pod.Spec.Containers = []corev1.Container{spec}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "main", State: now, LastTerminationState: earlier}}}
	return pod
}

// first makes of a pod's container one that is run before the others; with a policy it runs beside them.
func first(pod *corev1.Pod, policy *corev1.ContainerRestartPolicy) *corev1.Pod {
	pod.Spec.Containers[0].RestartPolicy = policy
	pod.Spec.InitContainers, pod.Status.InitContainerStatuses = pod.Spec.Containers, pod.Status.ContainerStatuses
	pod.Spec.Containers, pod.Status.ContainerStatuses = nil, nil
	return pod
}

func TestWhoseRunIsDoubted(t *testing.T) {
	backoff := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	var none corev1.ContainerState
	plain, probe := corev1.Container{}, corev1.Container{ReadinessProbe: &corev1.Probe{}}
	soon, late := endedWith(0), endedWith(0)
	soon.Terminated.StartedAt, late.Terminated.StartedAt = before(4*time.Second), before(time.Hour)
	going := single(runsFor(0), endedWith(1), plain)
	going.DeletionTimestamp = new(before(0))
	done := single(endedWith(1), none, plain)
	done.Status.Phase = corev1.PodFailed
	for name, c := range map[string]struct {
		pod   *corev1.Pod
		text  string // nothing where there is no doubt
		after time.Duration
	}{
		"Began":              {single(runsFor(0), none, plain), "has no probe, and has run for less than 3s", 3 * time.Second},
		"CutOff":             {single(runsFor(3*time.Second), none, plain), "has no probe", time.Second},
		"Runs":               {single(runsFor(4*time.Second), none, plain), "", 0},
		"Probed":             {single(runsFor(0), none, probe), "", 0},
		"StartProbed":        {single(runsFor(0), none, corev1.Container{StartupProbe: &corev1.Probe{}}), "", 0},
		"EndedWell":          {single(runsFor(4*time.Second), late, plain), "", 0},
		"EndedSoon":          {single(runsFor(4*time.Second), soon, probe), "ended with code 0", 7 * time.Second},
		"Again":              {single(runsFor(4*time.Second), endedWith(1), plain), "ended with code 1, and has run for less than 10s since", 7 * time.Second},
		"AgainProbed":        {single(runsFor(4*time.Second), endedWith(1), probe), "ended with code 1", 7 * time.Second},
		"AgainForLong":       {single(runsFor(11*time.Second), endedWith(1), plain), "", 0},
		"Backoff":            {single(backoff, endedWith(1), probe), "ends again and again", time.Second},
		"Ended":              {single(endedWith(3), none, plain), "ended with code 3", time.Second},
		"IsDone":             {single(endedWith(0), none, plain), "", 0},
		"IsMade":             {single(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}, none, plain), "", 0},
		"Going":              {going, "", 0},
		"GivenUp":            {done, "", 0},
		"FirstRuns":          {first(single(runsFor(0), none, plain), nil), "", 0},
		"FirstBackoff":       {first(single(backoff, endedWith(1), plain), nil), "ends again and again", time.Second},
		"FirstIsDone":        {first(single(endedWith(0), endedWith(1), plain), nil), "", 0},
		"BesideRuns":         {first(single(runsFor(0), none, plain), new(corev1.ContainerRestartPolicyAlways)), "has no probe", 3 * time.Second},
		"BesideRunsOnProbed": {first(single(runsFor(0), none, probe), new(corev1.ContainerRestartPolicyAlways)), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			doubts := Doubts{Now: func() time.Time { return noon }}
			doubt := doubts.About(c.pod)
			switch {
			case doubt == nil && c.text == "":
			case doubt == nil || c.text == "":
				t.Errorf("the doubt is %+v, want %q", doubt, c.text)
			case !strings.Contains(doubt.Text, "container main of Pod web-x "+c.text) || doubt.After != c.after || doubt.Owner != "Pod/shop/web-x":
				t.Errorf("the doubt is %+v, want %q for %s", doubt, c.text, c.after)
			}
		})
	}
}

// What is seen with one's own clock counts, too: those of nodes may be early or late.
func TestClocksOfNodesMayBeWrong(t *testing.T) {
	now := noon
	doubts := Doubts{Now: func() time.Time { return now }}
	early, late := single(runsFor(-time.Hour), corev1.ContainerState{}, corev1.Container{}), single(runsFor(time.Hour), corev1.ContainerState{}, corev1.Container{})
	late.UID, late.CreationTimestamp = "late", before(0)
	for _, pod := range []*corev1.Pod{early, late} {
		if doubts.About(pod) == nil {
			t.Errorf("a container that began at %s by its node's clock is believed at once", pod.Status.ContainerStatuses[0].State.Running.StartedAt)
		}
	}
	now = now.Add(steadyFirst)
	for _, pod := range []*corev1.Pod{early, late} {
		if doubt := doubts.About(pod); doubt != nil {
			t.Errorf("after %s: %s", steadyFirst, doubt.Text)
		}
	}
	early.Status.ContainerStatuses[0].ContainerID = "another"
	if doubts.About(early) == nil {
		t.Error("a container that was started anew is believed at once")
	}
}

func TestTheDoubtThatLastsLongestCounts(t *testing.T) {
	pod := single(runsFor(2*time.Second), corev1.ContainerState{}, corev1.Container{})
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "side"})
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "side", State: runsFor(time.Second), LastTerminationState: endedWith(1)})
	doubts := Doubts{Now: func() time.Time { return noon }}
	if doubt := doubts.About(pod); doubt == nil || doubt.After != 10*time.Second || !strings.Contains(doubt.Text, "container side") {
		t.Errorf("the doubt is %+v", doubt)
	}
}
