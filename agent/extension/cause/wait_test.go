package cause

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

func status(state corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{Name: "main", State: state}}}
}

func TestWhatAPodWaitsFor(t *testing.T) {
	halted := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	condition := func(kind corev1.PodConditionType, is corev1.ConditionStatus, message string) corev1.PodStatus {
		return corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: kind, Status: is, Reason: "Unschedulable", Message: message}}}
	}
	crashed := status(halted("CrashLoopBackOff", "back-off 40s restarting failed container"))
	crashed.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3}
	first := status(halted("PodInitializing", ""))
	first.InitContainerStatuses = []corev1.ContainerStatus{{Name: "migrate", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	done := status(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}})
	done.Phase = corev1.PodSucceeded
	for want, now := range map[string]corev1.PodStatus{
		"waits for the scheduler":                                             {},
		"has no node: 0/1 nodes are available: 1 Insufficient cpu.":           condition(corev1.PodScheduled, corev1.ConditionFalse, "0/1 nodes are available: 1 Insufficient cpu."),
		"waits: container main is being made, with its image and volumes":     status(halted("ContainerCreating", "")),
		"waits: container main cannot start: ErrImagePull: not found":         status(halted("ErrImagePull", "not found")),
		"waits: container main ended with code 3, and is started again later": crashed,
		"waits: container main ended with code 1":                             status(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}),
		"waits: container main runs, and is not ready yet":                    status(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}),
		"waits: container migrate is run first":                               first,
		"":                                                                    condition(corev1.PodReady, corev1.ConditionTrue, ""),
	} {
		if got := waitsFor(&corev1.Pod{Status: now}); got != want {
			t.Errorf("it %q, want %q", got, want)
		}
	}
	if got := waitsFor(&corev1.Pod{Spec: corev1.PodSpec{NodeName: "n1"}}); got != "is about to start" {
		t.Errorf("a pod that was given to a node %q", got)
	}
	if got := waitsFor(&corev1.Pod{Status: done}); got != "" {
		t.Errorf("a pod that is done %q", got)
	}
	ofJob := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{batchv1.JobNameLabel: "pre"}}, Status: condition(corev1.PodReady, corev1.ConditionTrue, "")}
	if got := waitsFor(ofJob); got != "runs" {
		t.Errorf("a Job's pod %q", got)
	}
}

func TestOnlyPodsOfWhatIsAwaitedAreTold(t *testing.T) {
	w := &Witness{unready: map[string]wait{}}
	pod := func(name, kind, owner string) *corev1.Pod {
		made := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"pod-template-hash": "7d4"}}}
		if kind != "" {
			made.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: new(true)}}
		}
		return made
	}
	for _, one := range []*corev1.Pod{pod("web-7d4-x1", "ReplicaSet", "web-7d4"), pod("other-7d4-x1", "ReplicaSet", "other-7d4"), pod("db-0", "StatefulSet", "db"), pod("alone", "", "")} {
		w.note(one, watch.Added)
	}
	got := strings.Join(w.Waits([]string{"Deployment/shop/web", "StatefulSet/shop/db", "Pod/shop/alone", "ConfigMap/shop/settings"}), ", ")
	if want := "Pod alone waits for the scheduler, Pod db-0 waits for the scheduler, Pod web-7d4-x1 waits for the scheduler"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	w.note(pod("db-0", "StatefulSet", "db"), watch.Deleted)
	if still := w.Waits([]string{"StatefulSet/shop/db"}); len(still) > 0 {
		t.Errorf("of a pod that is gone it tells %q", still)
	}
}
