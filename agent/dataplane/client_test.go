package dataplane_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/proof"
)

func onboarding(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func client(t *testing.T, s settings.Settings) *dataplane.Client {
	t.Helper()
	s.Cluster = fairlead.ConnectedClusterID("s", "g", "n")
	c, err := dataplane.New(s, &identity.Holder{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func trusting(server *httptest.Server) settings.Settings {
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return settings.Settings{HubURL: server.URL, HubCA: authority}
}

// verified answers only requests that carry a good proof by key.
func verified(t *testing.T, key *rsa.PrivateKey, now func() time.Time) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		parsed, err := proof.Parse(r, now())
		if err == nil {
			_, err = parsed.Verify(&key.PublicKey, r, body)
		}
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`, fairlead.CodeOf(err), err.Error())
			return
		}
		fmt.Fprint(w, `{"certificate":"PEM","principalId":"p"}`)
	}
}

func TestRequestsAreSigned(t *testing.T) {
	key := onboarding(t)
	server := httptest.NewTLSServer(verified(t, key, time.Now))
	defer server.Close()
	answer, err := client(t, trusting(server)).Certificate(t.Context(), key, []byte("csr"))
	if err != nil || answer.PrincipalID != "p" {
		t.Errorf("answer %+v, %v", answer, err)
	}
	_, err = client(t, trusting(server)).Certificate(t.Context(), onboarding(t), []byte("csr"))
	if fairlead.KindOf(err) != fairlead.Unauthenticated || fairlead.CodeOf(err) != "InvalidProof" {
		t.Errorf("another key: %v", err)
	}
}

func TestAWrongClockIsCorrectedOnce(t *testing.T) {
	for name, offset := range map[string]time.Duration{"Ahead": -24 * time.Hour, "Behind": 24 * time.Hour, "Seconds": -30 * time.Second} {
		t.Run(name, func(t *testing.T) {
			key, calls := onboarding(t), atomic.Int32{}
			check := verified(t, key, func() time.Time { return time.Now().Add(offset) })
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				check(w, r)
			}))
			defer server.Close()
			c := client(t, trusting(server))
			for range 2 {
				if _, err := c.Certificate(t.Context(), key, nil); err != nil {
					t.Fatal(err)
				}
			}
			if n := calls.Load(); n != 3 {
				t.Errorf("%d requests, want 3: refused, repeated, and at once the second time", n)
			}
		})
	}
}

// swallower is a hub behind something that swallows calls on the first connection, or on all, for as long as the test says so.
type swallower struct {
	*httptest.Server

	swallows    atomic.Bool
	all         atomic.Bool
	connections atomic.Int32
}

func swallowing(t *testing.T, key *rsa.PrivateKey) *swallower {
	t.Helper()
	s := &swallower{}
	var first atomic.Pointer[string]
	check, ended := verified(t, key, time.Now), make(chan struct{})
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.CompareAndSwap(nil, &r.RemoteAddr)
		if s.all.Load() || s.swallows.Load() && *first.Load() == r.RemoteAddr {
			<-ended
			return
		}
		check(w, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(ended) })
	return s
}

// answered makes a call that must succeed.
func answered(t *testing.T, c *dataplane.Client, key *rsa.PrivateKey) {
	t.Helper()
	if _, err := c.Certificate(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
}

// givenUp makes so many calls at the same time, which are given up together.
func givenUp(t *testing.T, c *dataplane.Client, key *rsa.PrivateKey, calls int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var under sync.WaitGroup
	for range calls {
		under.Go(func() {
			if _, err := c.Certificate(ctx, key, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a swallowed call: %v", err)
			}
		})
	}
	under.Wait()
}

// A connection that something in between has forgotten swallows whatever is sent on it.
func TestAfterSilenceAnotherConnectionIsUsed(t *testing.T) {
	key := onboarding(t)
	server := swallowing(t, key)
	c := client(t, trusting(server.Server))
	answered(t, c, key)
	server.swallows.Store(true)
	givenUp(t, c, key, 1)
	givenUp(t, c, key, 1)
	answered(t, c, key)
	if got := server.connections.Load(); got != 2 {
		t.Errorf("%d connections, want a second one after two calls in vain", got)
	}
}

// A hub that is busy answers one or the other call too late. To come back to it on a new connection would make it busier.
func TestASlowHubKeepsItsConnection(t *testing.T) {
	key := onboarding(t)
	server := swallowing(t, key)
	c := client(t, trusting(server.Server))
	answered(t, c, key)
	for range 3 {
		server.swallows.Store(true)
		givenUp(t, c, key, 1)
		server.swallows.Store(false)
		answered(t, c, key)
	}
	if got := server.connections.Load(); got != 1 {
		t.Errorf("%d connections, want the first alone", got)
	}
}

// When another connection is as silent as the first, the hub itself is slow, and further ones would keep it so.
func TestASecondSilenceIsTheHubs(t *testing.T) {
	key := onboarding(t)
	server := swallowing(t, key)
	c := client(t, trusting(server.Server))
	answered(t, c, key)
	server.all.Store(true)
	for range 6 {
		givenUp(t, c, key, 1)
	}
	server.all.Store(false)
	answered(t, c, key)
	if got := server.connections.Load(); got != 2 {
		t.Errorf("%d connections, want one more than the first", got)
	}
}

// Calls that wait at the same time are one sign of silence, not many.
func TestCallsGivenUpTogetherAreOneSilence(t *testing.T) {
	key := onboarding(t)
	server := swallowing(t, key)
	c := client(t, trusting(server.Server))
	answered(t, c, key)
	server.swallows.Store(true)
	givenUp(t, c, key, 3)
	server.swallows.Store(false)
	answered(t, c, key)
	if got := server.connections.Load(); got != 1 {
		t.Errorf("%d connections, want the first alone", got)
	}
}

func TestAnotherAuthorityIsNotTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := client(t, settings.Settings{HubURL: server.URL}).Certificate(t.Context(), onboarding(t), nil); err == nil {
		t.Error("a hub that nobody vouches for was trusted")
	}
}

func TestUselessAuthoritiesAreRefused(t *testing.T) {
	for name, s := range map[string]settings.Settings{
		"Hub": {HubCA: []byte("x")}, "Proxy": {Proxy: settings.Proxy{CA: []byte("x")}},
	} {
		if _, err := dataplane.New(s, &identity.Holder{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What stands between agents and hub answers in ways of its own.
func TestRefusalsOfOthers(t *testing.T) {
	cases := map[string]struct {
		reason string
		handle http.HandlerFunc
		kind   fairlead.Kind
		want   string
	}{
		"Firewall": {"the guides' 403", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"code":"403","message":"This traffic is not authorized."}}`)
		}, fairlead.Forbidden, "This traffic is not authorized."},
		"HTML": {"a proxy's page is not JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<html>")
		}, fairlead.Unavailable, "Bad Gateway"},
		"Redirect": {"a signed request goes to one place only", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example.org/", http.StatusFound)
		}, fairlead.Internal, "Found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(c.handle)
			defer server.Close()
			_, err := client(t, trusting(server)).Certificate(t.Context(), onboarding(t), nil)
			var refused *dataplane.Refusal
			if !errors.As(err, &refused) || refused.Message != c.want || fairlead.KindOf(err) != c.kind {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

// connectProxy is a proxy that wants a password and leads everybody to one server.
func connectProxy(t *testing.T, to string, tunnels *atomic.Int32) *httptest.Server {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwYXNz" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		far, err := (&net.Dialer{}).DialContext(context.WithoutCancel(r.Context()), "tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		tunnels.Add(1)
		fmt.Fprint(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(near, far) }()
		go func() { _, _ = io.Copy(far, near) }()
	}))
	t.Cleanup(proxy.Close)
	return proxy
}

func TestProxyWithPassword(t *testing.T) {
	key, tunnels := onboarding(t), atomic.Int32{}
	server := httptest.NewTLSServer(verified(t, key, time.Now))
	defer server.Close()
	proxy := connectProxy(t, server.Listener.Addr().String(), &tunnels).Listener.Addr().String()
	cases := map[string]struct {
		proxy string
		works bool
	}{
		"Password":      {"http://user:pass@" + proxy, true},
		"WrongPassword": {"http://user:wrong@" + proxy, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tunnels.Store(0)
			s := trusting(server)
			s.HubURL = "https://example.com" // a name of the test server's certificate; loopback is never proxied
			s.Proxy.HTTPS = c.proxy
			_, err := client(t, s).Certificate(t.Context(), key, nil)
			if (err == nil) != c.works || (tunnels.Load() == 1) != c.works {
				t.Errorf("error %v, %d tunnels", err, tunnels.Load())
			}
			if err != nil && strings.Contains(err.Error(), "wrong") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// What is not shared costs a hub to which all clusters come back twice the handshakes.
func TestRequestsThatBeginTogetherShareAConnection(t *testing.T) {
	key := onboarding(t)
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(verified(t, key, time.Now))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	c := client(t, trusting(server))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := c.Certificate(t.Context(), key, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A busy hub takes its time; to begin anew would make it even busier.
func TestAConnectionThatTakesLongToOpenIsNotThrownAway(t *testing.T) {
	key := onboarding(t)
	slow, opened := make(chan struct{}), make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(verified(t, key, time.Now))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		<-slow
		return nil, nil
	}}
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateActive {
			opened <- struct{}{}
		}
	}
	server.StartTLS()
	defer server.Close()
	c := client(t, trusting(server))
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Certificate(short, key, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a hub that takes long: %v", err)
	}
	close(slow)
	select {
	case <-opened:
	case <-time.After(4 * time.Second):
		t.Error("the connection was given up")
	}
	if _, err := c.Certificate(t.Context(), key, nil); err != nil {
		t.Error(err)
	}
}

// A second connection beside one that is still being opened comes no sooner, and costs a busy hub a second handshake.
func TestWhileAConnectionIsBeingOpenedNoOtherIs(t *testing.T) {
	key := onboarding(t)
	slow, opened := make(chan struct{}), atomic.Int32{}
	server := httptest.NewUnstartedServer(verified(t, key, time.Now))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		<-slow
		return nil, nil
	}}
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	c := client(t, trusting(server))
	for range 3 {
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := c.Certificate(short, key, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a hub that takes long: %v", err)
		}
		cancel()
	}
	close(slow)
	if _, err := c.Certificate(t.Context(), key, nil); err != nil {
		t.Error(err)
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for four requests, want 1", n)
	}
}

// Whoever could not connect must not wait for what has failed.
func TestAConnectionThatCannotBeOpenedHoldsNobodyUp(t *testing.T) {
	key := onboarding(t)
	var refuse atomic.Bool
	server := httptest.NewUnstartedServer(verified(t, key, time.Now))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if refuse.Load() {
			return nil, errors.New("not now")
		}
		return nil, nil
	}}
	server.StartTLS()
	defer server.Close()
	c := client(t, trusting(server))
	refuse.Store(true)
	for range 3 {
		if _, err := c.Certificate(t.Context(), key, nil); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("refused handshakes: %v", err)
		}
	}
	refuse.Store(false)
	if _, err := c.Certificate(t.Context(), key, nil); err != nil {
		t.Error(err)
	}
}
