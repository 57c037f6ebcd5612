package dataplane_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/tunnel"
)

// identified returns a client of a cluster that has an identity.
func identified(t *testing.T, s settings.Settings) (*dataplane.Client, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cluster"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	holder := &identity.Holder{}
	holder.Set(&identity.Identity{Chain: []*x509.Certificate{leaf}, Key: key}, nil)
	s.Cluster = fairlead.ConnectedClusterID("s", "g", "n")
	c, err := dataplane.New(s, holder, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

// relay accepts tunnels with a good proof, and sends back what comes on them.
type relay struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	offset  time.Duration
	refused atomic.Int32
	shown   atomic.Int32 // connections with a client certificate
}

func (h *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now().Add(h.offset)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	parsed, err := proof.Parse(r, now)
	if err == nil {
		_, err = parsed.Verify(&h.key.PublicKey, r, nil)
	}
	if err != nil {
		h.refused.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`, fairlead.CodeOf(err), err.Error())
		return
	}
	if len(r.TLS.PeerCertificates) > 0 {
		h.shown.Add(1)
	}
	conn, err := tunnel.Accept(w, r)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.CopyN(conn, conn, 4)
}

func newRelay(t *testing.T) (*relay, *httptest.Server) {
	t.Helper()
	h := &relay{t: t}
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = true // a WebSocket needs HTTP/1.1 all the same
	server.StartTLS()
	t.Cleanup(server.Close)
	return h, server
}

func works(t *testing.T, c *dataplane.Client) {
	t.Helper()
	conn, err := c.OpenTunnel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := make([]byte, 4)
	if _, err := io.WriteString(conn, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ping" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestATunnelIsOpenedWithProofAndCertificate(t *testing.T) {
	h, server := newRelay(t)
	c, key := identified(t, trusting(server))
	h.key = key
	works(t, c)
	works(t, c)
	if h.shown.Load() != 2 || h.refused.Load() != 0 {
		t.Errorf("%d with a certificate, %d refused", h.shown.Load(), h.refused.Load())
	}
}

func TestATunnelFollowsTheHubsClock(t *testing.T) {
	h, server := newRelay(t)
	c, key := identified(t, trusting(server))
	h.key, h.offset = key, 24*time.Hour
	works(t, c)
	if n := h.refused.Load(); n != 1 {
		t.Errorf("%d refused, want 1", n)
	}
}

func TestTheHubsRefusalOfATunnelIsItsOwn(t *testing.T) {
	h, server := newRelay(t)
	c, _ := identified(t, trusting(server))
	_, h.key = identified(t, trusting(server))
	_, err := c.OpenTunnel(t.Context())
	refused, ok := errors.AsType[*dataplane.Refusal](err)
	if !ok || refused.Code != "InvalidProof" || fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("%v", err)
	}
}

func TestATunnelThroughAProxy(t *testing.T) {
	h, server := newRelay(t)
	var tunnels atomic.Int32
	s := trusting(server)
	s.HubURL = "https://example.com" // a name of the test server's certificate; loopback is never proxied
	proxy := connectProxy(t, server.Listener.Addr().String(), &tunnels).Listener.Addr().String()
	s.Proxy.HTTPS = "http://user:pass@" + proxy
	c, key := identified(t, s)
	h.key = key
	works(t, c)
	s.Proxy.HTTPS = "http://user:wrong@" + proxy
	c, h.key = identified(t, s)
	_, err := c.OpenTunnel(t.Context())
	if refused, ok := errors.AsType[*tunnel.Refused](err); !ok || refused.Reason != tunnel.ByProxy || refused.Status != http.StatusProxyAuthRequired {
		t.Errorf("another password: %v", err)
	}
	if tunnels.Load() != 1 {
		t.Errorf("%d tunnels", tunnels.Load())
	}
}

// Such a proxy refuses every upgrade, and its authority has to be trusted for it to get that far.
func TestAProxyThatEndsTLSRefusesTheTunnel(t *testing.T) {
	h, server := newRelay(t)
	proxy := newInterceptor(t, server)
	s := settings.Settings{HubURL: "https://hub.example.org:8443"} // loopback is never proxied
	s.HubCA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	s.Proxy.HTTPS = proxy.URL
	c, key := identified(t, s)
	h.key = key
	if _, err := c.OpenTunnel(t.Context()); err == nil || proxy.seen.Load() != 0 {
		t.Errorf("a proxy was trusted whose authority nobody gave: %v", err)
	}
	s.Proxy.CA = proxy.authority
	c, h.key = identified(t, s)
	_, err := c.OpenTunnel(t.Context())
	if refused, ok := errors.AsType[*tunnel.Refused](err); !ok || refused.Reason != tunnel.Stripped || refused.Status != http.StatusForbidden {
		t.Errorf("a proxy that refuses: %v", err)
	}
}
