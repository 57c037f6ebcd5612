package dataplane_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/dataplane"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/store"
)

// bench is a data plane with everything real behind it, served over TLS.
type bench struct {
	*dataplane.Server

	db    *store.DB
	front *httptest.Server
}

// permit lets everybody do everything, or nobody.
type permit struct{ err error }

func (p permit) Check(context.Context, string, string) error { return p.err }

func newBench(t testing.TB) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := authority.Open(t.Context(), &authority.Vault{Box: box, Store: db}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	b := &bench{db: db, Server: &dataplane.Server{
		Identity: &identity.Issuer{Store: db, Authority: ca, Now: time.Now},
		Presence: &presence.Tracker{Store: db, Now: time.Now, Log: log},
		Store:    db, Access: permit{}, URL: "https://hub.example.org:8443", TenantID: "tenant", Trust: func() *fairlead.HubTrust { return &fairlead.HubTrust{Certificates: string(ca.CAPEM())} }, Log: log,
	}}
	mux := http.NewServeMux()
	b.Mount(mux)
	b.front = httptest.NewTLSServer(mux)
	t.Cleanup(func() { b.front.Close(); _ = db.Close() })
	return b
}

// agent is a cluster that has its certificate.
type agent struct {
	id         fairlead.ResourceID
	onboarding *rsa.PrivateKey
	key        *ecdsa.PrivateKey
	chain      []*x509.Certificate
}

func (b *bench) put(t testing.TB, of *agent, change func(*fairlead.ConnectedCluster)) {
	t.Helper()
	cluster := fairlead.ConnectedCluster{
		Location: "local", Identity: &fairlead.ManagedIdentity{Type: "SystemAssigned", PrincipalID: "principal", TenantID: "tenant"},
		Properties: fairlead.ConnectedProperties{
			AgentPublicKeyCertificate: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&of.onboarding.PublicKey)),
		},
	}
	if change != nil {
		change(&cluster)
	}
	_, err := b.db.PutResource(context.Background(), store.Resource{
		Key: of.id.Key(), ID: of.id.String(), Type: "microsoft.kubernetes/connectedclusters", Subscription: of.id.Subscription,
		ResourceGroup: strings.ToLower(of.id.ResourceGroup), Name: of.id.Name(), Body: encode(t, cluster),
	}, store.AnyState)
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) register(t testing.TB, name string) *agent {
	t.Helper()
	onboarding, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{fairlead.ConnectedClusterID("9a1b8c1e-0000-4000-8000-000000000001", "Shops", name), onboarding, key, nil}
	b.put(t, a, nil)
	return a
}

// connect registers a cluster and obtains its certificate through the data plane.
func (b *bench) connect(t testing.TB, name string) *agent {
	t.Helper()
	a := b.register(t, name)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.key)
	if err != nil {
		t.Fatal(err)
	}
	var answer fairlead.CertificateResponse
	body := encode(t, fairlead.CertificateRequest{CSR: csr})
	if status, text := b.post(t, a.path(fairlead.OpCertificate), body, a.onboarding); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	} else if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	a.chain = parseChain(t, answer.Certificate)
	return a
}

func parseChain(t testing.TB, text string) []*x509.Certificate {
	t.Helper()
	var chain []*x509.Certificate
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, certificate)
	}
	return chain
}

func (a *agent) path(operation string) string { return fairlead.DataPlanePath(a.id, operation) }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// post sends a request, signed if there is a key.
func (b *bench) post(t testing.TB, path string, body []byte, key crypto.Signer, chain ...*x509.Certificate) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.front.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != nil {
		if err := (proof.Signer{Key: key, Chain: chain, Now: time.Now}).Sign(r, body); err != nil {
			t.Fatal(err)
		}
	}
	response, err := b.front.Client().Do(r)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	if response.Header.Get("Date") == "" {
		t.Error("the answer has no date, by which agents correct their clocks")
	}
	return response.StatusCode, content
}

// call does an operation as the agent and decodes the answer, if that is wanted.
func (b *bench) call(t testing.TB, a *agent, operation string, request, answer any) (int, []byte) {
	t.Helper()
	status, text := b.post(t, a.path(operation), encode(t, request), a.key, a.chain...)
	if status == http.StatusOK && answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	return status, text
}
