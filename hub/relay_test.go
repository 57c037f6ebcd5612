package hub_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/tunnel"
)

// farEnd takes every statement, and answers as an API server that has a watch and an upgrade.
func farEnd(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Host == caller.ControlHost:
		w.WriteHeader(http.StatusNoContent)
	case shell(w, r):
	case r.Header.Get("Upgrade") != "":
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(conn, buffered)
	case r.URL.Query().Has("watch"):
		_, _ = io.WriteString(w, "event\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		_, _ = fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)
	}
}

// tunnelled opens the tunnel of a cluster.
func (c *cluster) tunnelled(t *testing.T) {
	t.Helper()
	transport, _ := c.http.Transport.(*http.Transport)
	dialer := tunnel.Dialer{
		URL: c.URL + fairlead.DataPlanePath(c.id, fairlead.OpRelay), TLS: transport.TLSClientConfig.Clone(),
		Sign: func(r *http.Request) error { return c.signer.Sign(r, nil) },
	}
	conn, err := dialer.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- (&tunnel.Server{Handler: http.HandlerFunc(farEnd)}).Serve(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) && err != nil {
			t.Error(err)
		}
	})
}

// opens leaves a watch, or an upgraded stream, open until the test ends.
func (c *cluster) opens(t *testing.T, bearer, upgrade string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+"/kubernetes"+c.id.String()+"/x?watch=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	if upgrade != "" {
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", upgrade)
	}
	transport, _ := c.http.Transport.(*http.Transport)
	only1 := &http.Transport{TLSClientConfig: transport.TLSClientConfig.Clone()}
	only1.TLSClientConfig.NextProtos = []string{"http/1.1"}
	response, err := (&http.Client{Transport: only1}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close(); only1.CloseIdleConnections() })
	if writer, ok := response.Body.(io.Writer); ok {
		_, _ = io.WriteString(writer, "event\n")
	}
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); line != "event\n" {
		t.Fatalf("%d %q %v", response.StatusCode, line, err)
	}
}

// A caller reaches a cluster through a whole hub, with everything that stands between, and a hub with watches and streams
// under way stops as soon as another.
func TestCallersReachClusters(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	c := connect(t, on, bearer)
	path := "/kubernetes" + c.id.String()
	if status, answer := on.do(t, http.MethodGet, path+"/version", bearer, ""); status != http.StatusServiceUnavailable || answer["kind"] != "Status" {
		t.Errorf("%d %v", status, answer)
	}
	c.tunnelled(t)
	var answer map[string]any
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && answer["text"] == nil; {
		_, answer = on.do(t, http.MethodDelete, path+"/api//v1/x%2Fy?a=b", bearer, "")
	}
	if answer["text"] != "DELETE /api//v1/x%2Fy?a=b" {
		t.Errorf("%v", answer)
	}
	c.opens(t, bearer, "")
	c.opens(t, bearer, "echo")
	_, metrics := on.do(t, http.MethodGet, "/metrics", bearer, "")
	for _, want := range []string{"fairlead_hub_relay_tunnels 1", `fairlead_hub_relay_requests_open{kind="long"} 2`, `fairlead_hub_relay_requests_total{result="unavailable"} `} {
		if text, _ := metrics["text"].(string); !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	started := time.Now()
	if err := on.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > 4*time.Second {
		t.Errorf("the hub took %s to stop", took)
	}
}
