package relay_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
	"github.com/fairlead/fairlead/tunnel"
)

// tunnelRequest is a handshake of a tunnel, without its proof.
func (c *cluster) tunnelRequest(t testing.TB) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.hub.front.URL+fairlead.DataPlanePath(c.id, fairlead.OpRelay), nil)
	check(t, err)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	return r
}

func TestTunnelsAreOnlyTheClustersOwn(t *testing.T) {
	h := newHub(t)
	c, other := h.connect(t, "edge-1"), h.connect(t, "edge-2")
	gone := h.connect(t, "edge-3")
	check(t, h.db.DeleteResource(t.Context(), gone.id.Key(), store.AnyState))
	client := h.http1(t)
	send := func(r *http.Request) (int, string) {
		answer, err := client.Do(r)
		check(t, err)
		defer answer.Body.Close()
		text := make([]byte, 512)
		n, _ := answer.Body.Read(text)
		return answer.StatusCode, string(text[:n])
	}
	signed := func(as, to *cluster, change func(*http.Request)) *http.Request {
		r := to.tunnelRequest(t)
		if change != nil {
			change(r)
		}
		check(t, as.signer.Sign(r, nil))
		return r
	}
	replayed := signed(c, c, nil)
	conn, err := (&tunnel.Dialer{URL: replayed.URL.String(), TLS: h.trust(), Sign: func(r *http.Request) error {
		r.Header.Set("X-Fairlead-Proof", replayed.Header.Get("X-Fairlead-Proof"))
		return nil
	}}).Dial(t.Context())
	check(t, err)
	check(t, conn.Close())
	cases := map[string]struct {
		reason  string
		request *http.Request
		status  int
		says    string
	}{
		"Unsigned":     {"anybody", c.tunnelRequest(t), http.StatusUnauthorized, ""},
		"OtherCluster": {"a cluster that speaks for another", signed(other, c, nil), http.StatusUnauthorized, "InvalidProof"},
		"Replayed":     {"a proof is good once", replayed, http.StatusUnauthorized, "ProofReplayed"},
		"Deleted":      {"a cluster that is no more", signed(gone, gone, nil), http.StatusNotFound, "ResourceNotFound"},
		"NoUpgrade":    {"something on the way removed the upgrade", signed(c, c, func(r *http.Request) { r.Header.Del("Upgrade"); r.Header.Del("Connection") }), http.StatusUpgradeRequired, "UpgradeRequired"},
		"OtherUpgrade": {"another protocol", signed(c, c, func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }), http.StatusUpgradeRequired, "UpgradeRequired"},
		"OtherVersion": {"another WebSocket", signed(c, c, func(r *http.Request) { r.Header.Set("Sec-Websocket-Version", "8") }), http.StatusUpgradeRequired, "UpgradeRequired"},
		"Posted":       {"another method", signed(c, c, func(r *http.Request) { r.Method = http.MethodPost }), http.StatusMethodNotAllowed, ""},
		"AnotherByGET": {"another operation", func() *http.Request {
			r := c.tunnelRequest(t)
			r.URL.Path = fairlead.DataPlanePath(c.id, fairlead.OpHeartbeat)
			return r
		}(), http.StatusMethodNotAllowed, ""},
		"BehindTheName": {"no operation", func() *http.Request { r := c.tunnelRequest(t); r.URL.Path += "/x"; return r }(), http.StatusMethodNotAllowed, ""},
	}
	for name, each := range cases {
		if status, text := send(each.request); status != each.status || !strings.Contains(text, each.says) {
			t.Errorf("%s: %s: %d %s", name, each.reason, status, text)
		}
	}
}

// named is a far end that says which one it is.
func named(t testing.TB, c *cluster, name string) *far {
	t.Helper()
	return newFar(t, c, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
}

func (c *cluster) reaches(t testing.TB, name string) {
	t.Helper()
	eventually(t, "the way to "+name, func() bool {
		_, text := c.ask(t, http.MethodGet, "/")
		return text == name
	})
}

// The newest tunnel carries what is new, without a gap; of too many the oldest goes.
func TestTunnelsAreMadeBeforeTheyBreak(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	c.allow(t)
	var ends []func()
	for _, name := range []string{"a", "b", "c", "d"} {
		ends = append(ends, c.tunnel(t, named(t, c, name)))
		c.reaches(t, name)
	}
	ends[3]()
	c.reaches(t, "c")
	oldest, err := c.dial(t)
	check(t, err)
	_ = oldest.Close()
	ends[2]()
	c.reaches(t, "b")
	ends[1]()
	ends[0]()
	eventually(t, "the end of the last", func() bool {
		answer, _ := c.ask(t, http.MethodGet, "/")
		return answer.StatusCode == http.StatusServiceUnavailable
	})
}

func TestTooManyTunnelsCloseTheOldest(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	c.allow(t)
	first, err := c.dial(t)
	check(t, err)
	closed, ctx := make(chan error, 1), context.WithoutCancel(t.Context())
	go func() { closed <- (&tunnel.Server{Handler: named(t, c, "first")}).Serve(ctx, first) }()
	c.reaches(t, "first")
	for _, name := range []string{"a", "b", "c", "d"} {
		c.tunnel(t, named(t, c, name))
		c.reaches(t, name)
	}
	_ = within(t, closed) // with an error
}

// A cluster that opens tunnels and says nothing on them waits for itself alone.
func TestSilentTunnelsHarmNobodyElse(t *testing.T) {
	h := newHub(t)
	silent, other := h.connect(t, "edge-1"), h.connect(t, "edge-2")
	other.allow(t)
	for range 4 {
		conn, err := silent.dial(t)
		check(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	_, err := silent.dial(t)
	if refused, ok := errors.AsType[*tunnel.Refused](err); !ok || !strings.Contains(refused.Error(), "429") {
		t.Errorf("the fifth: %v", err)
	}
	other.tunnel(t, newFar(t, other, apiServer()))
	other.awaitTunnel(t)
}

// A tunnel ends with what it was opened for: the cluster of that name and key.
func TestTunnelsEndWithTheirCluster(t *testing.T) {
	ends := map[string]func(t *testing.T, c *cluster){
		"Deleted": func(t *testing.T, c *cluster) {
			check(t, c.hub.db.DeleteResource(t.Context(), c.id.Key(), store.AnyState))
		},
		"OtherKey": func(t *testing.T, c *cluster) {
			var err error
			c.onboarding, err = rsa.GenerateKey(rand.Reader, 2048)
			check(t, err)
			c.put(t)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := newHub(t).connect(t, "edge-1")
			c.allow(t)
			conn, err := c.dial(t)
			check(t, err)
			closed, ctx := make(chan error, 1), context.WithoutCancel(t.Context())
			go func() { closed <- (&tunnel.Server{Handler: newFar(t, c, apiServer())}).Serve(ctx, conn) }()
			c.awaitTunnel(t)
			started := time.Now()
			end(t, c)
			if answer, text := c.ask(t, http.MethodGet, "/api"); answer.StatusCode == http.StatusOK {
				t.Errorf("at once: %s", short(text))
			}
			_ = within(t, closed) // with an error
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("the tunnel stood for %s", took)
			}
		})
	}
}

// The end of the hub is told to agents, who go elsewhere, and to callers, who come again; nothing is left.
func TestHubStops(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	c.allow(t)
	conn, err := c.dial(t)
	check(t, err)
	served, ctx := make(chan error, 1), context.WithoutCancel(t.Context())
	go func() { served <- (&tunnel.Server{Handler: newFar(t, c, apiServer())}).Serve(ctx, conn) }()
	c.awaitTunnel(t)
	stream := c.upgraded(t, "raw")
	pingPong(t, stream, "hello")
	started := time.Now()
	h.stop()
	within(t, conn.Draining())
	_ = within(t, served) // as above
	if _, err := stream.Read(make([]byte, 1)); err == nil {
		t.Error("the stream goes on")
	}
	if took := time.Since(started); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	answer, text := c.ask(t, http.MethodGet, "/api")
	if message, _, _ := status(t, text); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(message, "stopping") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if _, err := c.dial(t); err == nil {
		t.Error("a tunnel was opened")
	} else if refused, ok := errors.AsType[*tunnel.Refused](err); !ok {
		t.Errorf("%v (%v)", err, refused)
	}
}
