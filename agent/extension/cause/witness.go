package cause

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/doctor"
)

// maxSeen bounds how many containers a Witness keeps the last words of.
const maxSeen = 8

// Witness watches the pods of a namespace during an operation. It knows what those wait for that are not ready, and keeps the last
// words of Jobs' pods that failed, because charts may have Helm delete both before anybody can ask. The nil Witness saw nothing.
type Witness struct {
	explainer *Explainer

	mu      sync.Mutex
	seen    []seen
	unready map[string]wait // by the names of pods
}

// seen is what one container said before it ended with an error.
type seen struct {
	pod   doctor.Object
	job   string
	words string
}

// Watch returns a Witness of a namespace. It watches until the end of ctx, and sees nothing for as long as it may not watch.
func (e *Explainer) Watch(ctx context.Context, namespace string) *Witness {
	w := &Witness{explainer: e, unready: map[string]wait{}}
	go w.run(ctx, namespace)
	return w
}

func (w *Witness) run(ctx context.Context, namespace string) {
	for {
		w.follow(ctx, namespace)
		if pace.Wait(ctx, time.Second, nil) != nil {
			return
		}
	}
}

// follow sees what happens until the API server ends the watch, as it does from time to time. A watch begins with all pods.
func (w *Witness) follow(ctx context.Context, namespace string) {
	pods, err := w.explainer.Kube.CoreV1().Pods(namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	defer pods.Stop()
	w.forget()
	for event := range pods.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok {
			continue
		}
		w.note(pod, event.Type)
		if pod.Labels[batchv1.JobNameLabel] != "" {
			w.see(ctx, pod)
		}
	}
}

func (w *Witness) see(ctx context.Context, pod *corev1.Pod) {
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		ended := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
		object := doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, Container: status.Name}
		if ended != nil && ended.ExitCode != 0 && w.words(object) == "" {
			w.listen(ctx, seen{pod: object, job: pod.Labels[batchv1.JobNameLabel]}, ended.FinishedAt.Time)
		}
	}
}

// listenEvery is how soon a log is read again that may not be whole.
const listenEvery = 200 * time.Millisecond

// listen keeps the last words of a container that has ended. When that was a moment ago, what it wrote last may not be in its log
// yet, which is therefore read until nothing is added to it. Of old ones, which a watch begins with, logs may be gone for good.
func (w *Witness) listen(ctx context.Context, one seen, ended time.Time) {
	const moment = 10 * time.Second
	tries := 1
	if w.explainer.Now().Sub(ended) < moment {
		tries = logTries
	}
	last := errNoLog
	for range tries {
		words, err := w.explainer.words(ctx, one.pod)
		if err == nil && last == nil && words == one.words || err != nil && !passing(err) {
			return
		}
		if words != "" {
			one.words = words
			w.keep(one)
		}
		last = err
		if pace.Wait(ctx, listenEvery, nil) != nil {
			return
		}
	}
}

// keep replaces what was kept of the same container.
func (w *Witness) keep(one seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = slices.DeleteFunc(w.seen, func(other seen) bool { return other.pod == one.pod })
	w.seen = append(w.seen, one)
	w.seen = w.seen[max(0, len(w.seen)-maxSeen):]
}

// words are the last ones of a container, empty when it said nothing or nobody saw it.
func (w *Witness) words(container doctor.Object) string {
	if w == nil {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.seen {
		if one.pod == container {
			return one.words
		}
	}
	return ""
}

// of returns what was seen of a Job's last pod.
func (w *Witness) of(job doctor.Object) []seen {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []seen
	for _, one := range slices.Backward(w.seen) {
		if one.job == job.Name && one.pod.Namespace == job.Namespace {
			all = append(all, one)
			break
		}
	}
	return all
}
