package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// endless answers /stall with more than anybody may hold, and everything else at once.
func endless(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/stall") {
		_, _ = io.WriteString(w, "ok")
		return
	}
	piece := make([]byte, tunnel.FrameSize)
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// Readers that take nothing hold what their windows allow, and hinder nobody.
func TestReadersThatStallHinderNobody(t *testing.T) {
	const readers = 40
	r := newRig(t, http.HandlerFunc(endless))
	before := heap()
	for range readers {
		answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/stall", nil))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
	}
	<-time.After(300 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 50 {
		answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	if each := (heap() - before) / readers; each > tunnel.StreamWindow*5/4 {
		t.Errorf("a reader that stalls holds %d bytes", each)
	}
}

func heap() int {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return int(now.HeapInuse)
}

func TestTheEndOfARequestReachesTheFarEnd(t *testing.T) {
	ended := make(chan struct{}, 2)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/begun" {
			_ = http.NewResponseController(w).Flush()
		}
		<-request.Context().Done()
		ended <- struct{}{}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/begun", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	cancel()
	within(t, ended)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/", nil).WithContext(short)); err == nil {
		answer.Body.Close()
		t.Error("there was an answer")
	}
	within(t, ended)
}

// An upgraded stream ends at one end because it ends at the other.
func TestTheEndOfAnUpgradeReachesTheOtherSide(t *testing.T) {
	ended := make(chan struct{}, 1)
	r := newRig(t, proxyTo(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		echo(w, request)
		ended <- struct{}{}
	})))
	front := r.through(t)
	upgraded(t, front).Close()
	within(t, ended)

	r2 := proxyTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\nlast words")
		conn.Close()
	}))
	conn := upgraded(t, newRig(t, r2).through(t))
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if text, err := io.ReadAll(conn); err != nil || string(text) != "last words" {
		t.Errorf("%q, %v", text, err)
	}
}

// A caller must not be able to make a POST something else at the far end.
func TestOurOwnHeadersAreNotTakenFromCallers(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		_, _ = fmt.Fprint(w, request.Method, request.Header[tunnel.UpgradeHeader], request.Header[tunnel.MethodHeader], request.Header["Upgrade"])
	}))
	request := r.request(t, http.MethodPost, "/", nil)
	request.Header.Set(tunnel.UpgradeHeader, "echo/1")
	request.Header.Set(tunnel.MethodHeader, http.MethodDelete)
	answer, err := r.client.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); string(text) != "POST[] [] []" {
		t.Errorf("the far end sees %q", text)
	}
	if request.Header.Get(tunnel.MethodHeader) == "" {
		t.Error("the caller's request was changed")
	}
}

func TestATunnelThatEndsTakesNoRequests(t *testing.T) {
	gate := make(chan struct{})
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-gate
		_, _ = io.WriteString(w, "done")
	}))
	var after sync.WaitGroup
	after.Add(1)
	r.client.AfterDone(after.Done)
	answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	r.client.Drain()
	within(t, r.conn.Draining())
	if _, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/", nil)); !errors.Is(err, tunnel.ErrUnavailable) { //nolint:bodyclose // there is none
		t.Errorf("another request: %v", err)
	}
	if r.client.Available() || r.client.Streams() != 1 {
		t.Errorf("available %t, %d streams", r.client.Available(), r.client.Streams())
	}
	close(gate)
	if text, err := io.ReadAll(answer.Body); err != nil || string(text) != "done" {
		t.Errorf("%q, %v", text, err)
	}
	within(t, r.client.Done())
	after.Wait()
}

// When the far end is told to stop, what is under way may finish, and what comes then can be sent elsewhere.
func TestTheServerDrains(t *testing.T) {
	gate := make(chan struct{})
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-gate
		_, _ = io.WriteString(w, "done")
	}))
	answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	r.stop()
	for r.client.Available() {
		runtime.Gosched()
	}
	close(gate)
	if text, err := io.ReadAll(answer.Body); err != nil || string(text) != "done" {
		t.Errorf("%q, %v", text, err)
	}
	within(t, r.client.Done())
}

// A far end that speaks something else, or nothing, is no tunnel.
func TestAPeerThatIsNone(t *testing.T) {
	noLeaks(t)
	for name, says := range map[string]string{
		"Nothing": "", "HTTP1": "HTTP/1.1 400 Bad Request\r\n\r\n", "Zeros": string(make([]byte, 1000)),
		"Settings": "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + string(bytes.Repeat([]byte{0xff}, 100)),
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			peer := tunnel.NewConn(far, true)
			var group sync.WaitGroup
			group.Go(func() { _, _ = io.Copy(io.Discard, peer) })
			group.Go(func() { _, _ = io.WriteString(peer, says) })
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			client, err := tunnel.NewClient(ctx, tunnel.NewConn(near, false))
			if (err == nil) != (name == "Settings") {
				t.Errorf("the beginning: %v", err)
			}
			if err == nil { // what comes after a good beginning is none
				within(t, client.Done())
			}
			peer.Close()
			group.Wait()
		})
	}
}

// The same for a hub that is none, seen from the far end.
func TestAHubThatIsNone(t *testing.T) {
	noLeaks(t)
	for name, says := range map[string]string{"HTTP1": "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "Zeros": string(make([]byte, 1000))} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			peer := tunnel.NewConn(far, false)
			var group sync.WaitGroup
			group.Go(func() { _, _ = io.Copy(io.Discard, peer) })
			group.Go(func() { _, _ = io.WriteString(peer, says); peer.Close() })
			server := tunnel.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })}
			served := make(chan error, 1)
			group.Go(func() { served <- server.Serve(t.Context(), tunnel.NewConn(near, true)) })
			_ = within(t, served)
			group.Wait()
		})
	}
}
