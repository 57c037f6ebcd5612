package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// stagedHub is a hub with one extension, whose operation ends when the events have been shown: then more are asked for.
type stagedHub struct {
	end string // what the operation says then

	mu          sync.Mutex
	sent, shown bool
}

func (h *stagedHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case r.URL.Path == "/operation" && h.shown:
		fmt.Fprint(w, h.end)
	case r.URL.Path == "/operation":
		w.Header().Set("Retry-After", "0")
		fmt.Fprint(w, `{"status":"InProgress"}`)
	case strings.HasSuffix(r.URL.Path, "/events") && r.URL.Query().Get("since") == "0":
		fmt.Fprint(w, `{"value":[{"sequence":4,"level":"Error","reason":"CrashLoopBackOff","object":"Pod/shop/web-0","message":"an hour ago","time":"2026-11-26T09:00:00Z"}],"next":4}`)
	case strings.HasSuffix(r.URL.Path, "/events") && r.URL.Query().Get("since") == "4":
		h.sent = true
		fmt.Fprint(w, `{"value":[{"sequence":5,"level":"Information","reason":"Pulled","message":"quiet","time":"2026-11-26T10:00:00Z"},
			{"sequence":6,"level":"Warning","reason":"BackOff","object":"Pod/shop/web-1","message":"crashes \u001b]0;x\r\n\n\tpanic: no\nconfig","time":"2026-11-26T10:00:01Z"}],"next":6}`)
	case strings.HasSuffix(r.URL.Path, "/events"):
		h.shown = h.sent
		fmt.Fprint(w, `{"value":[],"next":6}`)
	case r.Method == http.MethodGet:
		fmt.Fprint(w, `{"name":"web","properties":{"provisioningState":"Failed","errorInfo":{"code":"BackoffLimitExceeded","message":"Job failed",
			"additionalInfo":[{"type":"ExtensionFailure","info":{"cause":"BackoffLimitExceeded","explanation":"it gave up","remedies":["kubectl logs"]}}]}}}`)
	default:
		w.Header().Set("Azure-AsyncOperation", "https://"+r.Host+"/operation")
		w.WriteHeader(http.StatusAccepted)
	}
}

func watched(t *testing.T, hub *stagedHub) (*extensionWatch, *strings.Builder) {
	t.Helper()
	server := httptest.NewTLSServer(hub)
	t.Cleanup(server.Close)
	var out strings.Builder
	s := &session{streams: Streams{Err: &out}}
	at := &signedIn{Hub: &client.Hub{URL: server.URL, HTTP: server.Client()}}
	watch := s.watchExtension(at, client.ExtensionID(fairlead.ConnectedClusterID("s", "shop", "edge"), "web"), "Install web", " -c edge -n web")
	watch.since = 4
	return watch, &out
}

func change(t *testing.T, watch *extensionWatch) error {
	t.Helper()
	begun, err := watch.hub.BeginExtension(t.Context(), http.MethodPatch, watch.id, client.Document{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return watch.see(ctx, begun, nil)
}

func TestWhatHappensIsShownWhileItIsWaitedFor(t *testing.T) {
	watch, out := watched(t, &stagedHub{end: `{"status":"Succeeded"}`})
	if err := change(t, watch); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "WARNING BackOff Pod/shop/web-1: crashes ]0;x panic: no config\n") || strings.Contains(text, "quiet") || !strings.Contains(text, "✓ Install web") {
		t.Errorf("it shows\n%s", text)
	}
}

// What happened before is not shown as if it happened now.
func TestARemovalShowsWhatHappensInIt(t *testing.T) {
	watch, out := watched(t, &stagedHub{end: `{"status":"Succeeded"}`})
	watch.since = 0
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := watch.session.removeExtension(ctx, watch, extensionDeleteFlags{}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "WARNING BackOff Pod/shop/web-1") || strings.Contains(text, "an hour ago") {
		t.Errorf("it shows\n%s", text)
	}
}

// An operation that says no more than that it failed is explained by the extension's document.
func TestAFailureWithoutDetailsIsExplainedByTheDocument(t *testing.T) {
	watch, out := watched(t, &stagedHub{end: `{"status":"Failed","error":{"code":"ResourceOperationFailure","message":"no"}}`})
	err := change(t, watch)
	if err == nil || !strings.Contains(err.Error(), "(BackoffLimitExceeded) Job failed") || !strings.Contains(err.Error(), "Cause:   it gave up") {
		t.Errorf("it says %v", err)
	}
	if !strings.Contains(out.String(), "✗ Install web") || !strings.HasPrefix(hint(newRootCommand(newSession(Streams{})), err), "kubectl logs\n") {
		t.Errorf("it shows\n%s", out.String())
	}
}

func TestWhoStopsWaitingLearnsThatTheClusterGoesOn(t *testing.T) {
	watch, _ := watched(t, &stagedHub{})
	watch.since = 6 // the operation never ends
	begun, err := watch.hub.BeginExtension(t.Context(), http.MethodPatch, watch.id, client.Document{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	err = watch.see(ctx, begun, nil)
	if next := hint(newRootCommand(newSession(Streams{})), err); err == nil || !strings.Contains(next, "events -c edge -n web --follow") || !strings.Contains(next, "goes on") {
		t.Errorf("got %v, next %q", err, next)
	}
}
