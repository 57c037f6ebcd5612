package tunnel_test

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// cable joins two connections until it is cut. Then it swallows what is sent, or does not even take it.
type cable struct {
	swallows, stuck atomic.Bool
	cut             chan struct{}
}

func (c *cable) join(to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if c.stuck.Load() {
			<-c.cut
			return
		}
		if c.swallows.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// wired is a tunnel over a cable, in a bubble of its own time.
func wired(t *testing.T, handler http.Handler) (client *tunnel.Client, served chan error, between *cable) {
	t.Helper()
	hub, hubEnd := net.Pipe()
	far, farEnd := net.Pipe()
	between = &cable{cut: make(chan struct{})}
	go between.join(hubEnd, farEnd)
	go between.join(farEnd, hubEnd)
	served = make(chan error, 1)
	go func() { served <- (&tunnel.Server{Handler: handler}).Serve(t.Context(), tunnel.NewConn(far, true)) }()
	client, err := tunnel.NewClient(t.Context(), tunnel.NewConn(hub, false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(between.cut)
		client.Close()
		for _, end := range []net.Conn{hub, hubEnd, far, farEnd} {
			end.Close()
		}
	})
	return client, served, between
}

// Both ends notice within 15 seconds that nothing comes through any more, whether they wait for something or not.
func TestSilenceIsNoticed(t *testing.T) {
	for name, how := range map[string]func(*cable){
		"Swallowed": func(c *cable) { c.swallows.Store(true) },
		"Stuck":     func(c *cable) { c.stuck.Store(true) },
	} {
		for _, busy := range []string{"Idle", "Waiting"} {
			t.Run(name+busy, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { silence(t, how, busy == "Waiting") })
			})
		}
	}
}

//nolint:revive // both are the same test
func silence(t *testing.T, how func(*cable), busy bool) {
	released := make(chan struct{})
	client, served, between := wired(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(released)
	}))
	if busy {
		body := began(t, client, "/").Body //nolint:bodyclose // it is, at the end
		go func() { _, _ = io.Copy(io.Discard, body) }()
	}
	synctest.Wait()
	<-time.After(time.Minute) // as long as the cable is whole, nothing ends
	if !client.Available() {
		t.Fatal("the tunnel ended by itself")
	}
	started := time.Now()
	how(between)
	<-client.Done()
	if took := time.Since(started); took > 16*time.Second {
		t.Errorf("the hub noticed after %s", took)
	}
	<-served //nolint:errcheck // why does not matter
	if took := time.Since(started); took > 18*time.Second {
		t.Errorf("the far end noticed after %s", took)
	}
	if busy {
		<-released
	}
}

// began makes a request of which the answer has begun.
func began(t *testing.T, client *tunnel.Client, path string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://far"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}
