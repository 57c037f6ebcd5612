package kube_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/agent/kube"
)

// listed is the event by which a server says that all that was there has been sent.
const listed = `{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}`

func event(kind, name, version string) string {
	return fmt.Sprintf(`{"type":%q,"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"resourceVersion":%q,"managedFields":[{"manager":"m"}]},"spec":{"nodeName":"x"},"status":{"podIP":"10.0.0.%s"}}}`,
		kind, name, version, version)
}

func client(t *testing.T, handle http.HandlerFunc) *kube.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// streaming answers watches with events and then says nothing.
func streaming(t *testing.T, events ...string) *kube.Client {
	t.Helper()
	return client(t, func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path != "/api/v1/namespaces/n/pods" || r.URL.Query().Get("fieldSelector") != "metadata.name=a" {
			t.Errorf("asked for %s", r.URL)
		}
		fmt.Fprint(w, strings.Join(events, "\n"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
}

// follow runs a watcher until done says that it has seen enough.
func follow(t *testing.T, client *kube.Client, done func(map[string]*corev1.Pod) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watcher := kube.Watcher[corev1.Pod, *corev1.Pod]{
		Client: client, What: kube.Pods("n").Named("a"), Log: slog.New(slog.DiscardHandler),
		Keep: func(pod *corev1.Pod) { pod.Spec = corev1.PodSpec{} },
		Changed: func(_ context.Context, all map[string]*corev1.Pod) {
			if done(all) {
				cancel()
			}
		},
	}
	if err := watcher.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the watcher ended with %v", err)
	}
}

func TestWatcherFollowsChanges(t *testing.T) {
	events := []string{
		event("ADDED", "a", "1"), event("ADDED", "b", "2"), listed,
		event("MODIFIED", "a", "6"), event("ADDED", "c", "7"), event("DELETED", "b", "8"),
	}
	first := true
	follow(t, streaming(t, events...), func(all map[string]*corev1.Pod) bool {
		if first && (all["a"] == nil || all["b"] == nil && all["c"] == nil) {
			t.Errorf("the first call tells of %d objects, not of all", len(all))
		}
		first = false
		done := all["a"].Status.PodIP == "10.0.0.6" && all["b"] == nil && all["c"] != nil
		if done && (all["a"].Spec.NodeName != "" || all["a"].ManagedFields != nil) {
			t.Error("what nobody reads is kept")
		}
		return done
	})
}

func TestWatcherTellsOfNothingToo(t *testing.T) {
	follow(t, streaming(t, listed), func(all map[string]*corev1.Pod) bool {
		if len(all) != 0 {
			t.Errorf("there are %d objects in an empty collection", len(all))
		}
		return true
	})
}

func TestWatcherAsksForMetadataWhenThatIsAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watcher := kube.Watcher[metav1.PartialObjectMetadata, *metav1.PartialObjectMetadata]{
		Client: client(t, func(w http.ResponseWriter, r *http.Request) {
			if accept := r.Header.Get("Accept"); !strings.Contains(accept, "as=PartialObjectMetadata") {
				t.Errorf("asked for %s", accept)
			}
			cancel()
			w.WriteHeader(http.StatusServiceUnavailable)
		}),
		What: kube.Pods("n").All(), Log: slog.New(slog.DiscardHandler), Changed: func(context.Context, map[string]*metav1.PartialObjectMetadata) {},
	}
	if err := watcher.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the watcher ended with %v", err)
	}
}

func TestWatcherLogsWhatKeepsItFromItsWork(t *testing.T) {
	var log strings.Builder
	var calls atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watcher := kube.Watcher[corev1.Pod, *corev1.Pod]{
		Client: client(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) == 4 {
				cancel()
			}
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","code":403,"reason":"Forbidden","message":"no right to pods"}`)
		}),
		What: kube.Pods("n").All(), Log: slog.New(slog.NewTextHandler(&log, nil)), Changed: func(context.Context, map[string]*corev1.Pod) {},
	}
	if err := watcher.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the watcher ended with %v", err)
	}
	if text := log.String(); strings.Count(text, "cannot watch the cluster") != 1 || !strings.Contains(text, "no right to pods") {
		t.Errorf("want one line with the reason, the log holds:\n%s", text)
	}
}

func TestErrorsKeepTheirReasons(t *testing.T) {
	answer := func(code int, body string) *kube.Client {
		return client(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","code":%d,%s}`, code, body)
		})
	}
	err := answer(404, `"message":"pods \"x\" not found","reason":"NotFound"`).Get(t.Context(), kube.Pods("n"), "x", &corev1.Pod{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("a missing object: %v", err)
	}
	terminating := answer(403, `"message":"no","reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating"}]}`)
	_, err = terminating.Apply(t.Context(), kube.Pods("n"), "x", "m", map[string]any{})
	if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("a namespace that goes: %v", err)
	}
}

func TestNoNameLeadsElsewhere(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("called %s", r.URL) })
	if err := c.Get(t.Context(), kube.Secrets("n"), "../nodes", &corev1.Secret{}); err == nil {
		t.Error("a path passed for a name")
	}
}
