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

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

type thing struct {
	kube.Object
	Spec struct {
		Size int `json:"size"`
	} `json:"spec"`
}

func item(name string, size int) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"resourceVersion":"7"},"spec":{"size":%d,"rest":[1,2,3]}}`, name, size)
}

// server answers lists in two pages, and each watch with the next script.
func server(t *testing.T, lists *atomic.Int32, watches ...string) *kube.Client {
	t.Helper()
	var next atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case r.URL.Path != "/api/v1/namespaces/n/pods":
			t.Errorf("asked for %s", r.URL.Path)
		case query.Get("watch") == "true":
			n := int(next.Add(1)) - 1
			if n >= len(watches) {
				<-r.Context().Done()
				return
			}
			fmt.Fprint(w, watches[n])
			w.(http.Flusher).Flush()
			if !strings.Contains(watches[n], "ERROR") {
				<-r.Context().Done()
			}
		case query.Get("continue") == "":
			lists.Add(1)
			fmt.Fprintf(w, `{"metadata":{"continue":"more"},"items":[%s]}`, item("a", 1))
		default:
			fmt.Fprintf(w, `{"metadata":{"resourceVersion":"5"},"items":[%s]}`, item("b", 2))
		}
	}))
	t.Cleanup(s.Close)
	return &kube.Client{HTTP: s.Client(), URL: s.URL}
}

// follow runs a watcher until done says that it has seen enough.
func follow(t *testing.T, client *kube.Client, done func(map[string]thing) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watcher := kube.Watcher[thing]{
		Client: client, Collection: kube.Pods("n"), Log: slog.New(slog.DiscardHandler),
		Changed: func(_ context.Context, all map[string]thing) {
			if done(all) {
				cancel()
			}
		},
	}
	if err := watcher.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the watcher ended with %v", err)
	}
}

func TestWatcherListsPagesAndFollowsEvents(t *testing.T) {
	var lists atomic.Int32
	events := `{"type":"ADDED","object":` + item("c", 3) + `}{"type":"MODIFIED","object":` + item("a", 10) + `}` +
		`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}{"type":"DELETED","object":` + item("b", 2) + `}`
	var sizes []int
	follow(t, server(t, &lists, events), func(all map[string]thing) bool {
		sizes = append(sizes, len(all))
		_, b := all["b"]
		return all["a"].Spec.Size == 10 && !b
	})
	if got := fmt.Sprint(sizes); got != "[2 3 3 2]" {
		t.Errorf("saw %s objects, want [2 3 3 2]", got)
	}
}

func TestWatcherBeginsAgainWhenHistoryHasExpired(t *testing.T) {
	var lists atomic.Int32
	gone := `{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}`
	follow(t, server(t, &lists, gone), func(map[string]thing) bool { return lists.Load() == 2 })
}

func TestRefusalsHaveKinds(t *testing.T) {
	cases := map[string]struct {
		status int
		body   string
		kind   fairlead.Kind
		code   string
	}{
		"Missing":     {404, `{"message":"pods \"x\" not found","reason":"NotFound"}`, fairlead.NotFound, "NotFound"},
		"Forbidden":   {403, `{"message":"no","reason":"Forbidden"}`, fairlead.Forbidden, "Forbidden"},
		"Terminating": {403, `{"message":"no","reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating"}]}}`, fairlead.Forbidden, kube.NamespaceTerminating},
		"NotJSON":     {502, `<html>`, fairlead.Internal, "Bad Gateway"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer s.Close()
			err := (&kube.Client{HTTP: s.Client(), URL: s.URL}).Get(t.Context(), "/x", &thing{})
			if fairlead.KindOf(err) != c.kind || fairlead.CodeOf(err) != c.code {
				t.Errorf("%v: kind %d, code %q", err, fairlead.KindOf(err), fairlead.CodeOf(err))
			}
		})
	}
}

func TestPaths(t *testing.T) {
	cases := map[string]string{
		kube.Secrets("n").Object("s"):           "/api/v1/namespaces/n/secrets/s",
		kube.Nodes().Path():                     "/api/v1/nodes",
		kube.Deployments("n").Object("d"):       "/apis/apps/v1/namespaces/n/deployments/d",
		kube.ConnectedClusters("n").Status("c"): "/apis/arc.azure.com/v1beta1/namespaces/n/connectedclusters/c/status",
		kube.Secrets("n").Object("../nodes"):    "/api/v1/namespaces/n/secrets/..%2Fnodes",
	}
	for got, want := range cases {
		if got != want {
			t.Errorf("path %q, want %q", got, want)
		}
	}
}
