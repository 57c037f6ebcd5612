package connect

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// seen is a hub that shows the tunnel of a cluster as a function has it.
type seen func(since time.Duration) string

func (f seen) hub() *client.Hub {
	began := time.Now()
	return &client.Hub{URL: "https://hub.example.org", Token: func(context.Context) (string, error) { return "t", nil }, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		body := `{"properties":{"clusterConnect":` + f(time.Since(began)) + `}}`
		return &http.Response{Request: r, StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	})}}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheTunnelIsWaitedFor(t *testing.T) {
	const there, away = `{"state":"Enabled","tunnel":"Connected"}`, `{"state":"Enabled","tunnel":"Disconnected"}`
	for name, one := range map[string]struct {
		shown    seen
		least    time.Duration
		most     time.Duration
		says     string
		warnings string
	}{
		"There": {func(time.Duration) string { return there }, 0, 2 * time.Second, "kubectl gets through", ""},
		"ComesAfterTheOldOneHasGone": {func(since time.Duration) string {
			return map[bool]string{true: away, false: there}[since > 500*time.Millisecond && since < 3*time.Second]
		}, 3 * time.Second, 5 * time.Second, "kubectl gets through", ""},
		"Never":  {func(time.Duration) string { return away }, tunnelPatience, tunnelPatience + time.Second, "it has not come", "fairlead connectedk8s troubleshoot -n edge-1 -g shops"},
		"Off":    {func(time.Duration) string { return `{"state":"Disabled","tunnel":"Disconnected"}` }, 0, time.Second, "cluster-connect is off", ""},
		"OldHub": {func(time.Duration) string { return "null" }, 0, time.Second, "does not say", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var waiting tunnel
				result, err := waiting.await(t.Context(), one.shown.hub(), fairlead.ConnectedClusterID("s", "shops", "edge-1"), &recorder{})
				if took := time.Since(began); err != nil || !strings.Contains(result, one.says) || took < one.least || took > one.most {
					t.Errorf("%q, %v after %s", result, err, took)
				}
				if (waiting.missing == "") != (one.warnings == "") || !strings.Contains(waiting.missing, one.warnings) {
					t.Errorf("it warns %q", waiting.missing)
				}
			})
		})
	}
}

// Whoever has enough of waiting is not kept.
func TestTheWaitForATunnelCanBeEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var waiting tunnel
	if _, err := waiting.await(ctx, seen(func(time.Duration) string { return `{"state":"Enabled","tunnel":"Disconnected"}` }).hub(), fairlead.ResourceID{}, &recorder{}); err == nil {
		t.Error("it went on")
	}
}
