package aadproxy_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
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

	"github.com/go-jose/go-jose/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	ownToken = "token-of-the-proxy"
	issuer   = "https://hub.example.org/tenant/v2.0"
)

func cluster() fairlead.ResourceID { return fairlead.ConnectedClusterID("0000", "shops", "Quay-1") }

// hub is one that publishes its keys and states callers.
type hub struct {
	t     testing.TB
	key   *rsa.PrivateKey
	asked atomic.Int32
	down  atomic.Bool
	ahead atomic.Int64 // seconds by which its clock is ahead of ours, as the agent knows
	count atomic.Int32
}

func newHub(t testing.TB) *hub {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &hub{t: t, key: key}
}

func (h *hub) HubTime() time.Time {
	return time.Now().Add(time.Duration(h.ahead.Load()) * time.Second)
}

func (h *hub) Document(_ context.Context, path string) ([]byte, error) {
	h.asked.Add(1)
	if h.down.Load() {
		return nil, errors.New("the hub is away")
	}
	switch path {
	case "/tenant/v2.0/.well-known/openid-configuration":
		return json.Marshal(map[string]string{"issuer": issuer})
	case "/tenant/discovery/v2.0/keys":
		return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &h.key.PublicKey, KeyID: "one", Use: "sig", Algorithm: "RS256"}}})
	}
	return nil, fmt.Errorf("there is nothing at %s", path)
}

// state returns a statement of somebody.
func (h *hub) state(change func(*caller.Statement)) caller.Statement {
	now := h.HubTime().Unix()
	s := caller.Statement{
		Issuer: issuer, Audience: cluster().Key(), Subject: "0bbb", ID: fmt.Sprintf("s-%d", h.count.Add(1)), IssuedAt: now, Expiry: now + caller.Life,
		User: "ada@example.org", Groups: []string{"0ccc"}, Mode: caller.AAD,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func (h *hub) sign(s caller.Statement) string {
	h.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: h.key, KeyID: "one"}},
		(&jose.SignerOptions{}).WithType(caller.TokenType))
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := json.Marshal(s)
	if err != nil {
		h.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// everything is what the role Cluster Admin grants.
func everything() []dataaction.Grant {
	return []dataaction.Grant{{DataActions: []string{"Microsoft.Kubernetes/connectedClusters/*"}}}
}

// fixture is an agent with a tunnel to it.
type fixture struct {
	t     testing.TB
	hub   *hub
	proxy *aadproxy.Proxy
	way   *tunnel.Client
	log   *safeBuffer
	ready chan error
}

func newFixture(t testing.TB, api *rest.Config, change func(*aadproxy.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, hub: newHub(t), log: &safeBuffer{}, ready: make(chan error, 100)}
	config := aadproxy.Config{
		Cluster: cluster(), TenantID: "tenant", Hub: f.hub, API: api, Namespace: "azure-arc", Now: time.Now,
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Ready: func(err error) { f.ready <- err },
	}
	if change != nil {
		change(&config)
	}
	var err error
	if f.proxy, err = aadproxy.New(config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.proxy.Run(ctx) })
	near, far := connection(t)
	running.Go(func() { _ = f.proxy.Serve(ctx, far) })
	if f.way, err = tunnel.NewClient(t.Context(), near); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.way.Close()
		cancel()
		running.Wait()
	})
	return f
}

// connection returns both ends of one.
func connection(t testing.TB) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// put sends a statement as the hub does.
func (f *fixture) put(s caller.Statement) (int, string) {
	f.t.Helper()
	return f.putAs(s.ID, f.hub.sign(s))
}

func (f *fixture) putAs(id, signed string) (int, string) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPut, "https://"+caller.ControlHost+"/callers/"+id, strings.NewReader(signed))
	if err != nil {
		f.t.Fatal(err)
	}
	return f.do(request)
}

// mustPut sends a statement that has to be taken, and returns its id.
func (f *fixture) mustPut(change func(*caller.Statement)) string {
	f.t.Helper()
	s := f.hub.state(change)
	if code, text := f.put(s); code != http.StatusNoContent {
		f.t.Fatalf("the statement was refused: %d %s", code, text)
	}
	return s.ID
}

// request is one for the API server under a statement.
func (f *fixture) request(path, id string) *http.Request {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, "https://"+caller.KubernetesHost+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set(caller.Header, id)
	return request
}

func (f *fixture) do(request *http.Request) (int, string) {
	f.t.Helper()
	answer, err := f.way.RoundTrip(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get(caller.ReasonHeader) + "|" + string(text)
}

func (f *fixture) get(path, id string) (int, string) {
	f.t.Helper()
	return f.do(f.request(path, id))
}

// apiServer is one that says what it was asked. Of the cluster it has the owner's policy and whose tokens are.
type apiServer struct {
	*httptest.Server
	*policyFake

	mu   sync.Mutex
	seen []*http.Request
	next http.HandlerFunc
}

func newAPIServer(t testing.TB) (*apiServer, *rest.Config) {
	t.Helper()
	s := &apiServer{policyFake: newPolicyFake()}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.serve(w, r) {
			return
		}
		s.mu.Lock()
		s.seen = append(s.seen, r)
		next := s.next
		s.mu.Unlock()
		if next != nil {
			next(w, r)
			return
		}
		fmt.Fprint(w, "here is the API server")
	}))
	t.Cleanup(s.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return s, &rest.Config{Host: s.URL, BearerToken: ownToken, TLSClientConfig: rest.TLSClientConfig{CAData: authority}}
}

func (s *apiServer) then(next http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

// last returns the request that came last, nil when none came.
func (s *apiServer) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		return nil
	}
	return s.seen[len(s.seen)-1]
}

// status reads an answer in the API server's shape.
func status(t testing.TB, text string) metav1.Status {
	t.Helper()
	_, body, _ := strings.Cut(text, "|")
	var told metav1.Status
	if err := json.Unmarshal([]byte(body), &told); err != nil || told.Kind != "Status" {
		t.Fatalf("%q is no Status (%v)", body, err)
	}
	return told
}

type safeBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *safeBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(text)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
