package tunnel_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairlead/fairlead/tunnel"
)

// rig is a hub and a far end with a tunnel between them, over TCP and TLS.
type rig struct {
	hub    *httptest.Server
	client *tunnel.Client
	conn   *tunnel.Conn // the far end's
	served chan error
	stop   context.CancelFunc
}

// looked are the tests whose goroutines are counted.
var looked sync.Map

// noLeaks fails a test that leaves goroutines behind. It counts from its first call in a test on, so that all that the test
// cleans up afterwards is gone.
func noLeaks(t testing.TB) {
	t.Helper()
	if _, already := looked.LoadOrStore(t, true); already {
		return
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func newRig(t testing.TB, far http.Handler) *rig {
	t.Helper()
	noLeaks(t)
	r := &rig{served: make(chan error, 1)}
	clients := make(chan *tunnel.Client, 1)
	r.hub = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		conn, err := tunnel.Accept(w, request)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		client, err := tunnel.NewClient(request.Context(), conn)
		if err != nil {
			t.Errorf("begin: %v", err)
		}
		clients <- client
	}))
	r.hub.Listener = tunnel.Listener(r.hub.Listener)
	r.hub.TLS = &tls.Config{DynamicRecordSizingDisabled: true, MinVersion: tls.VersionTLS12}
	r.hub.StartTLS()
	t.Cleanup(r.hub.Close)
	dialer := tunnel.Dialer{URL: r.hub.URL + "/relay", TLS: trusting(r.hub)}
	var err error
	if r.conn, err = dialer.Dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.WithoutCancel(t.Context()))
	server := &tunnel.Server{Handler: far, Drain: 2 * time.Second}
	go func() { r.served <- server.Serve(ctx, r.conn) }()
	r.client = within(t, clients)
	t.Cleanup(func() {
		r.client.Close()
		r.stop()
		_ = within(t, r.served)
	})
	return r
}

func trusting(server *httptest.Server) *tls.Config {
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// within takes what comes from a channel soon.
func within[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func (r *rig) request(t testing.TB, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://far"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// do makes a request and returns the whole answer.
func (r *rig) do(t testing.TB, method, path string, body io.Reader) (int, []byte) {
	t.Helper()
	answer, err := r.client.RoundTrip(r.request(t, method, path, body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, content
}

// through returns a server whose proxy sends everything through the tunnel, as the hub does.
func (r *rig) through(t testing.TB) *httptest.Server {
	t.Helper()
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: "far"}) },
		Transport: r.client, FlushInterval: -1, BufferPool: tunnel.Buffers{},
	})
	t.Cleanup(front.Close)
	return front
}

// proxyTo is what stands at the far end: a proxy to a backend.
func proxyTo(t testing.TB, backend http.Handler) http.Handler {
	t.Helper()
	noLeaks(t)
	server := httptest.NewServer(backend)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }, Transport: transport, FlushInterval: -1, BufferPool: tunnel.Buffers{},
	}
}

// echo upgrades to a protocol of its own and sends back what it gets.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + r.Header.Get("Upgrade") + "\r\n\r\n")
	_ = buffered.Flush()
	_, _ = io.Copy(conn, buffered)
}

// upgraded asks a server for the echo and returns the connection.
func upgraded(t testing.TB, server *httptest.Server) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /echo HTTP/1.1\r\nHost: far\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	const want = "HTTP/1.1 101 Switching Protocols\r\n"
	head, last := []byte{}, make([]byte, 1)
	for len(head) < 4 || string(head[len(head)-4:]) != "\r\n\r\n" {
		if _, err := io.ReadFull(conn, last); err != nil {
			t.Fatalf("%v after %q", err, head)
		}
		head = append(head, last...)
	}
	if string(head[:len(want)]) != want {
		t.Fatalf("the answer is %q", head)
	}
	return conn
}
