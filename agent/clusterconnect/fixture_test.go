package clusterconnect_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/fairlead/fairlead/agent/clusterconnect"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/tunnel"
)

const proxyName = "kube-aad-proxy.azure-arc.svc"

// rig is a hub, the agent, and what stands for kube-aad-proxy: a server of tunnels behind mutual TLS.
type rig struct {
	t        *testing.T
	hub      *httptest.Server
	clients  chan *tunnel.Client
	handler  func(http.ResponseWriter, *http.Request) // nil: the hub is as it should be
	agent    *clusterconnect.Agent
	registry *prometheus.Registry
	cancel   context.CancelFunc
	ended    chan error
	log      *safeBuffer

	mu      sync.Mutex
	reasons []error
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func newRig(t *testing.T, far http.Handler) *rig {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	r := &rig{t: t, clients: make(chan *tunnel.Client, 10), registry: prometheus.NewRegistry(), ended: make(chan error, 1), log: &safeBuffer{}}
	r.hub = httptest.NewTLSServer(http.HandlerFunc(r.serveHub))
	t.Cleanup(r.hub.Close)
	bridge := &clusterconnect.Bridge{Name: proxyName, Folder: t.TempDir(), Grace: 2 * time.Second}
	bridge.Address = newProxy(t, bridge.Folder, far)
	r.agent = &clusterconnect.Agent{
		Hub: r, Holder: &identity.Holder{}, Reach: bridge.Reach, Now: time.Now, Registry: r.registry,
		Log: slog.New(slog.NewTextHandler(r.log, nil)), Ready: func(reason error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.reasons = append(r.reasons, reason)
		},
	}
	r.renew()
	return r
}

func (r *rig) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.ended <- r.agent.Run(ctx) }()
	r.t.Cleanup(r.end)
}

func (r *rig) end() {
	r.cancel()
	if err := within(r.t, r.ended); !errors.Is(err, context.Canceled) {
		r.t.Errorf("the agent ended with %v", err)
	}
	r.ended <- context.Canceled
	for {
		select {
		case client := <-r.clients:
			client.Close()
		default:
			return
		}
	}
}

// OpenTunnel is what the client of the hub does, without proofs.
func (r *rig) OpenTunnel(ctx context.Context) (*tunnel.Conn, error) {
	roots := r.hub.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return (&tunnel.Dialer{URL: r.hub.URL, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}).Dial(ctx)
}

func (r *rig) answer(handler func(http.ResponseWriter, *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler = handler
}

func (r *rig) serveHub(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	handler := r.handler
	r.mu.Unlock()
	if handler != nil {
		handler(w, request)
		return
	}
	conn, err := tunnel.Accept(w, request)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, err := tunnel.NewClient(ctx, conn) //nolint:contextcheck // a tunnel outlives its request
	if err != nil {
		r.t.Errorf("the hub gets no tunnel: %v", err)
		return
	}
	r.clients <- client
}

// renew gives the cluster another identity certificate.
func (r *rig) renew() {
	key, certificate := issue(r.t, &x509.Certificate{}, nil, nil)
	r.agent.Holder.Set(&identity.Identity{Chain: []*x509.Certificate{certificate}, Key: key}, nil)
}

func (r *rig) reason() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) == 0 {
		return errors.New("nothing was said")
	}
	return r.reasons[len(r.reasons)-1]
}

// newProxy serves tunnels as kube-aad-proxy does, and leaves the bridge's certificates in a folder.
func newProxy(t *testing.T, folder string, far http.Handler) string {
	t.Helper()
	serverConfig := certificates(t, folder)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _ = (&tunnel.Server{Handler: far, Drain: time.Second}).Serve(ctx, conn) })
		}
	})
	t.Cleanup(func() { cancel(); listener.Close(); all.Wait() })
	return listener.Addr().String()
}

// certificates makes those of both sides.
func certificates(t *testing.T, folder string) *tls.Config {
	t.Helper()
	authorityKey, authority := issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	serverKey, server := issue(t, &x509.Certificate{DNSNames: []string{proxyName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, authority, authorityKey)
	clientKey, client := issue(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, authority, authorityKey)
	der, err := x509.MarshalECPrivateKey(clientKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.crt": {Type: "CERTIFICATE", Bytes: authority.Raw}, "client.crt": {Type: "CERTIFICATE", Bytes: client.Raw},
		"client.key": {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}},
		ClientCAs:    roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

func issue(t *testing.T, template, by *x509.Certificate, with *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = serial, pkix.Name{CommonName: serial.String()}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	if by == nil {
		by, with = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), with)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

func within[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(15 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	for range 300 {
		if true() {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func open(t *testing.T, client *tunnel.Client, path string) *http.Response {
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

func get(t *testing.T, client *tunnel.Client, path string) string {
	t.Helper()
	text, err := io.ReadAll(open(t, client, path).Body) //nolint:bodyclose // open sees to it
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
