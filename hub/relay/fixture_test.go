package relay_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/goleak"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/dataplane"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/relay"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/store"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	tenant   = "9a3e6d2c-52b0-4d5c-8f5a-0c1d9d6f7a10"
	userID   = "5c7d2b8e-1f64-4c53-b1c4-6f0e9a7d3e21"
	userName = "anna@example.org"
	groupID  = "7b1f6c1d-6a54-4a0f-9d7c-0b8d1f0e2c33"
	patience = 20 * time.Second
)

// hub is the relay with everything real around it, served over TLS as the hub does.
type hub struct {
	*relay.Server

	db     *store.DB
	tokens *token.Service
	access *access.Checker
	front  *httptest.Server
	client *http.Client
	audit  *auditor
	stop   func()
	vault  *authority.Vault
}

// noLeaks fails a test that leaves goroutines behind; the clean-up of what it uses comes first.
func noLeaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func newHub(t testing.TB, changes ...func(*relay.Server)) *hub {
	t.Helper()
	noLeaks(t)
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	box, err := authority.NewBox(make([]byte, 32))
	check(t, err)
	vault := &authority.Vault{Box: box, Store: db}
	ca, err := authority.Open(t.Context(), vault, time.Now)
	check(t, err)
	log := slog.New(slog.NewTextHandler(logging{t}, nil))
	keys := &token.Keys{Vault: vault, Now: time.Now, Log: log}
	check(t, keys.Load(t.Context()))
	h := &hub{db: db, access: &access.Checker{Store: db}, audit: &auditor{}, vault: vault}
	h.front = httptest.NewUnstartedServer(nil)
	h.front.EnableHTTP2 = true
	h.front.Config.ReadTimeout = 2 * time.Second // the relay must lift it from what takes longer
	h.front.StartTLS()
	h.tokens = &token.Service{URL: h.front.URL, TenantID: tenant, Store: db, Keys: keys, Now: time.Now, Log: log}
	issuer := &identity.Issuer{Store: db, Authority: ca, Now: time.Now}
	tracker := &presence.Tracker{Store: db, Now: time.Now, Log: log}
	h.Server = &relay.Server{
		Clusters: issuer, Tokens: h.tokens, Access: h.access, Store: db, Presence: tracker, Audit: h.audit,
		URL: h.front.URL, TenantID: tenant, Trust: func() string { return "PEM" }, Now: time.Now, Log: log,
	}
	for _, change := range changes {
		change(h.Server)
	}
	h.serve(t, &dataplane.Server{Identity: issuer, Presence: tracker, Store: db, Access: h.access, Tunnels: h.Server, Trust: func() *fairlead.HubTrust { return nil }, Log: log})
	h.people(t)
	return h
}

// logging writes to the test's log while there is one.
type logging struct{ t testing.TB }

func (l logging) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		_, _ = l.t.Output().Write(p)
	}
	return len(p), nil
}

func (h *hub) serve(t testing.TB, agents *dataplane.Server) {
	t.Helper()
	data, sign := http.NewServeMux(), http.NewServeMux()
	agents.Mount(data)
	h.tokens.Mount(sign)
	h.front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Ms-Request-Id", "request-1")
		switch {
		case strings.HasPrefix(r.URL.Path, "/"+relay.Prefix):
			h.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/subscriptions/"):
			data.ServeHTTP(w, r)
		default:
			sign.ServeHTTP(w, r)
		}
	})
	running, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.Run(running) }()
	h.stop = sync.OnceFunc(func() {
		h.Drain()
		cancel()
		check(t, within(t, ended))
	})
	h.client = h.front.Client()
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		h.stop()
		h.front.Close()
	})
}

// people makes a person with a group, and a service principal; none of them has a role.
func (h *hub) people(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	check(t, h.db.CreateUser(ctx, store.Principal{ObjectID: userID, TenantID: tenant, Kind: store.User, UserName: userName, DisplayName: "Anna"}, nil))
	check(t, h.db.CreatePrincipal(ctx, store.Principal{ObjectID: groupID, TenantID: tenant, Kind: store.Group, DisplayName: "operators"}))
	check(t, h.db.AddMembers(ctx, groupID, []string{userID}, time.Time{}))
}

// bearer returns a token for the person, as the token service makes it.
func (h *hub) bearer(t testing.TB) string { return h.tokenWith(t, nil) }

// tokenWith signs an access token that differs in some claims.
func (h *hub) tokenWith(t testing.TB, changes map[string]any) string {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": h.tokens.Issuer(), "aud": h.front.URL, "oid": userID, "sub": userID, "tid": tenant,
		"nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	return h.forge(t, "JWT", claims)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within takes what comes from a channel soon.
func within[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// eventually waits for something that becomes true by itself.
func eventually(t testing.TB, what string, holds func() bool) time.Duration {
	t.Helper()
	started := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-time.After(patience):
		}
		if time.Since(started) > patience {
			t.Fatalf("%s did not happen", what)
		}
	}
	return time.Since(started)
}

// cluster is a connected cluster with its certificate.
type cluster struct {
	hub        *hub
	id         fairlead.ResourceID
	onboarding *rsa.PrivateKey
	signer     proof.Signer
}

func (h *hub) connect(t testing.TB, name string) *cluster {
	t.Helper()
	onboarding, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	c := &cluster{hub: h, id: fairlead.ConnectedClusterID("9a1b8c1e-0000-4000-8000-000000000001", "Shops", name), onboarding: onboarding}
	c.put(t)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, crypto.Signer(key))
	check(t, err)
	body, err := json.Marshal(fairlead.CertificateRequest{CSR: csr})
	check(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.front.URL+fairlead.DataPlanePath(c.id, fairlead.OpCertificate), bytes.NewReader(body))
	check(t, err)
	check(t, proof.Signer{Key: onboarding, Now: time.Now}.Sign(request, body))
	answer, err := h.client.Do(request)
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	var issued fairlead.CertificateResponse
	check(t, json.Unmarshal(text, &issued))
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	c.signer = proof.Signer{Key: key, Now: time.Now, Chain: chain(t, issued.Certificate)}
	return c
}

// put writes the resource of the cluster, with its present onboarding key.
func (c *cluster) put(t testing.TB) {
	t.Helper()
	body, err := json.Marshal(fairlead.ConnectedCluster{
		Location: "local", Identity: &fairlead.ManagedIdentity{Type: "SystemAssigned", PrincipalID: "principal-of-" + c.id.Name(), TenantID: tenant},
		Properties: fairlead.ConnectedProperties{
			AgentPublicKeyCertificate: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&c.onboarding.PublicKey)),
		},
	})
	check(t, err)
	_, err = c.hub.db.PutResource(context.WithoutCancel(t.Context()), store.Resource{
		Key: c.id.Key(), ID: c.id.String(), Type: "microsoft.kubernetes/connectedclusters", Subscription: c.id.Subscription,
		ResourceGroup: strings.ToLower(c.id.ResourceGroup), Name: c.id.Name(), Body: body,
	}, store.AnyState)
	check(t, err)
}

func chain(t testing.TB, text string) []*x509.Certificate {
	t.Helper()
	var found []*x509.Certificate
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		check(t, err)
		found = append(found, certificate)
	}
	return found
}

func (h *hub) trust() *tls.Config {
	transport, _ := h.client.Transport.(*http.Transport)
	return &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
}

// dial opens the WebSocket of a tunnel.
func (c *cluster) dial(t testing.TB) (*tunnel.Conn, error) {
	t.Helper()
	dialer := tunnel.Dialer{
		URL: c.hub.front.URL + fairlead.DataPlanePath(c.id, fairlead.OpRelay), TLS: c.hub.trust(),
		Sign: func(r *http.Request) error { return c.signer.Sign(r, nil) },
	}
	return dialer.Dial(t.Context())
}

// tunnel opens a tunnel whose far end is served by what stands for kube-aad-proxy. The function closes it.
func (c *cluster) tunnel(t testing.TB, far http.Handler) (end func()) {
	t.Helper()
	conn, err := c.dial(t)
	check(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- (&tunnel.Server{Handler: far, Drain: time.Second}).Serve(ctx, conn) }()
	end = sync.OnceFunc(func() {
		cancel()
		_ = conn.Close()
		_ = within(t, served) // the tunnel ends with an error, as it was told
	})
	t.Cleanup(end)
	eventually(t, "a tunnel", func() bool { return c.hub.Connected(c.id.Key()) })
	return end
}

// url is where callers reach the API server of the cluster.
func (c *cluster) url(path string) string {
	return c.hub.front.URL + "/" + relay.Prefix + c.id.String() + path
}

// ask makes a request with a bearer token of the person.
func (c *cluster) ask(t testing.TB, method, path string, changes ...func(*http.Request)) (replied, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url(path), nil)
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
	for _, change := range changes {
		change(request)
	}
	return c.hub.send(t, request)
}

// replied is the head of an answer whose body has been read.
type replied struct {
	StatusCode int
	Header     http.Header
}

func (h *hub) send(t testing.TB, request *http.Request) (replied, string) {
	t.Helper()
	answer, err := h.client.Do(request)
	check(t, err)
	return whole(t, answer)
}

func whole(t testing.TB, answer *http.Response) (replied, string) {
	t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	return replied{answer.StatusCode, answer.Header}, string(text)
}

// allow gives the person the role that lets them reach the cluster.
func (c *cluster) allow(t testing.TB) {
	t.Helper()
	check(t, c.hub.access.Assign(t.Context(), userID, access.ArcClusterUser, c.id.String()))
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// auditor remembers what it is told.
type auditor struct {
	mu      sync.Mutex
	begun   []relay.Request
	endings []relay.Ending
	broken  bool
}

func (a *auditor) Begin(_ context.Context, request relay.Request) (func(relay.Ending), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken {
		return nil, fairlead.Errorf(fairlead.Unavailable, "the disk is full")
	}
	a.begun = append(a.begun, request)
	return func(ending relay.Ending) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.endings = append(a.endings, ending)
	}, nil
}

func (a *auditor) last(t testing.TB) (relay.Request, relay.Ending) {
	t.Helper()
	eventually(t, "the end of a request", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.begun) > 0 && len(a.begun) == len(a.endings)
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.begun[len(a.begun)-1], a.endings[len(a.endings)-1]
}

// status reads a Status of Kubernetes.
func status(t testing.TB, text string) (message, reason string, causes string) {
	t.Helper()
	var found struct {
		Kind, APIVersion, Status, Message, Reason string
		Details                                   json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil || found.Kind != "Status" || found.APIVersion != "v1" || found.Status != "Failure" {
		t.Fatalf("%v: no Status in %.300q", err, text)
	}
	return found.Message, found.Reason, string(found.Details)
}

func short(text string) string { return fmt.Sprintf("%.300s", text) }

// forge signs what it is told with the hub's own key, as no attacker can.
func (h *hub) forge(t testing.TB, kind string, claims map[string]any) string {
	t.Helper()
	text, err := h.vault.Get(t.Context(), "token/keys")
	check(t, err)
	var ring []struct {
		JWK jose.JSONWebKey `json:"jwk"`
	}
	check(t, json.Unmarshal(text, &ring))
	return sign(t, ring[0].JWK, kind, claims)
}

func sign(t testing.TB, key any, kind string, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	check(t, err)
	made, err := jwt.Signed(signer).Claims(claims).Serialize()
	check(t, err)
	return made
}
