package helm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	helmkube "helm.sh/helm/v4/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/fake"
	clients "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/fairlead/fairlead/agent/extension/cause"
)

// patience ends when nothing else does: what happens at the same time has no order.
const patience = time.Minute + 50*time.Millisecond

// life is what becomes of the only container of a pod of Deployment web, by the time since it was made.
type life func(age time.Duration) (now, before corev1.ContainerState)

// runs is a container that runs since it was made.
func runs(age time.Duration) (now, before corev1.ContainerState) { return running(age), before }

func running(since time.Duration) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(time.Now().Add(-since).Truncate(time.Second))}}
}

func ended() corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}
}

// loops is a container that ends half a second after each start, of which there is one every twenty seconds.
func loops(age time.Duration) (now, before corev1.ContainerState) {
	const lap = 20 * time.Second
	if age >= lap {
		before = ended()
	}
	if since := age % lap; since < time.Second/2 {
		return running(since), before
	}
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}, ended()
}

// lateDatabase is a container that ends at its first start and runs from its second one on, after five seconds.
func lateDatabase(age time.Duration) (now, before corev1.ContainerState) {
	if age < 5*time.Second {
		return ended(), corev1.ContainerState{}
	}
	return running(age - 5*time.Second), ended()
}

// waits returns how long one waits for a release with such a container and how that ends. The pod is asked for whenever it runs.
func waits(t *testing.T, live life, spec corev1.Container, objects helmkube.ResourceList) (took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		cluster := fake.NewClientset()
		cluster.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: "web-7d4-x1", CreationTimestamp: metav1.NewTime(began.Add(-2 * time.Hour)), Labels: map[string]string{"pod-template-hash": "7d4"},
				OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-7d4", Controller: new(true)}},
			}}
			spec.Name = "main"
			pod.Spec.Containers = []corev1.Container{spec}
			status := corev1.ContainerStatus{Name: "main"}
			status.State, status.LastTerminationState = live(time.Since(began))
			pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{status}}
			return true, &corev1.PodList{Items: []corev1.Pod{pod}}, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		l := look{of: owners(objects), pods: func() (clients.PodsGetter, error) { return cluster.CoreV1(), nil }, doubts: cause.Doubts{Now: time.Now}}
		err = l.wait(ctx, func() error {
			for ctx.Err() == nil {
				if now, _ := live(time.Since(began)); now.Running != nil {
					return nil
				}
				<-time.After(100 * time.Millisecond)
			}
			return ctx.Err()
		})
		took = time.Since(began)
	})
	return took, err
}

func of(kind string) helmkube.ResourceList {
	return helmkube.ResourceList{object(kind, "web", &appsv1.Deployment{})}
}

func object(kind, name string, made runtime.Object) *resource.Info {
	return &resource.Info{Namespace: "shop", Name: name, Object: made, Mapping: &meta.RESTMapping{
		GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: kind},
	}}
}

func TestAContainerThatEndsAgainAndAgainIsNotReady(t *testing.T) {
	took, err := waits(t, loops, corev1.Container{}, of("Deployment"))
	if !errors.Is(err, context.DeadlineExceeded) || took != patience {
		t.Errorf("after %s: %v", took, err)
	}
}

// What is doubted last is said, in the words that causes are found by.
func TestTimeThatEndsInADoubtSaysSo(t *testing.T) {
	always := func(time.Duration) (now, before corev1.ContainerState) { return running(0), ended() }
	_, err := waits(t, always, corev1.Container{}, of("Deployment"))
	const want = "resource Deployment/shop/web not ready. status: InProgress, message: container main of Pod web-7d4-x1 ended with code 1, and has run for less than 10s since\ncontext deadline exceeded"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestHowLongAWellContainerIsWaitedFor(t *testing.T) {
	probe := corev1.Container{ReadinessProbe: &corev1.Probe{}}
	old := func(age time.Duration) (now, before corev1.ContainerState) { return running(age + time.Hour), before }
	for name, c := range map[string]struct {
		live    life
		spec    corev1.Container
		objects helmkube.ResourceList
		least   time.Duration
		most    time.Duration
	}{
		"Probed":       {runs, probe, of("Deployment"), 0, 0},
		"NotProbed":    {runs, corev1.Container{}, of("Deployment"), 3 * time.Second, 4 * time.Second},
		"Unchanged":    {old, corev1.Container{}, of("Deployment"), 0, 0},
		"LateDatabase": {lateDatabase, corev1.Container{}, of("Deployment"), 15 * time.Second, 16 * time.Second},
		"OfAnother":    {runs, corev1.Container{}, of("StatefulSet"), 0, 0},
		"ReplicaSet":   {runs, corev1.Container{}, of("ReplicaSet"), 3 * time.Second, 4 * time.Second},
		"NoPods":       {runs, corev1.Container{}, of("ConfigMap"), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			took, err := waits(t, c.live, c.spec, c.objects)
			if err != nil || took < c.least || took > c.most {
				t.Errorf("after %s (want %s to %s): %v", took, c.least, c.most, err)
			}
		})
	}
}

func TestHelmDoesNotWaitForWhatIsPaused(t *testing.T) {
	paused := helmkube.ResourceList{
		object("Deployment", "held", &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Paused: true}}), object("Deployment", "web", &appsv1.Deployment{}),
	}
	if all := owners(paused); len(all) != 1 || all["Deployment/shop/web"] == nil {
		t.Errorf("it waits for %v", all)
	}
}

// Pods that must not be read hold nothing up; those that cannot be read are asked for until time is over.
func TestPodsThatCannotBeRead(t *testing.T) {
	for want, answer := range map[string]error{
		"": apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no")),
		"look whether pods stay ready: dial tcp 10.0.0.1:443: connection refused\ncontext deadline exceeded": errors.New("dial tcp 10.0.0.1:443: connection refused"),
	} {
		synctest.Test(t, func(t *testing.T) {
			cluster := fake.NewClientset()
			cluster.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, answer })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			l := look{of: owners(of("Deployment")), pods: func() (clients.PodsGetter, error) { return cluster.CoreV1(), nil }, doubts: cause.Doubts{Now: time.Now}}
			got := ""
			if err := l.wait(ctx, func() error { return nil }); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
