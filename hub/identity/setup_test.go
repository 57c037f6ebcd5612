package identity_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/store"
)

// bench is a hub's identity part with a real store and a real authority, and a clock to turn.
type bench struct {
	*identity.Issuer

	db  *store.DB
	now time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := &bench{db: db, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	b.Issuer = &identity.Issuer{Store: db, Authority: newAuthority(t, db, b.clock), Now: b.clock}
	return b
}

func (b *bench) clock() time.Time { return b.now }

func newAuthority(t testing.TB, secrets authority.Secrets, now func() time.Time) *authority.Authority {
	t.Helper()
	box, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := authority.Open(context.Background(), &authority.Vault{Box: box, Store: secrets}, now)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// agent is the cluster's side: its onboarding key and, later, its identity.
type agent struct {
	id         fairlead.ResourceID
	onboarding *rsa.PrivateKey
	key        *ecdsa.PrivateKey
	chain      []*x509.Certificate
}

func onboardingKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ellipticKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// register creates the resource of a connected cluster with an onboarding key of its own.
func (b *bench) register(t testing.TB, name string) *agent {
	t.Helper()
	made := &agent{
		id:         fairlead.ConnectedClusterID("9a1b8c1e-0000-4000-8000-000000000001", "Shops_(EU)", name),
		onboarding: onboardingKey(t), key: ellipticKey(t, elliptic.P256()),
	}
	b.put(t, made, "principal-of-"+name)
	return made
}

func (b *bench) put(t testing.TB, of *agent, principal string) {
	t.Helper()
	body, err := json.Marshal(fairlead.ConnectedCluster{
		Location: "local", Identity: &fairlead.ManagedIdentity{Type: "SystemAssigned", PrincipalID: principal, TenantID: "tenant"},
		Properties: fairlead.ConnectedProperties{
			AgentPublicKeyCertificate: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&of.onboarding.PublicKey)),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.db.PutResource(context.Background(), store.Resource{
		Key: of.id.Key(), ID: of.id.String(), Type: "microsoft.kubernetes/connectedclusters",
		Subscription: of.id.Subscription, ResourceGroup: strings.ToLower(of.id.ResourceGroup), Name: of.id.Name(), Body: body,
	}, store.AnyState)
	if err != nil {
		t.Fatal(err)
	}
}

// certificateBody is the body of a request for a certificate for key.
func certificateBody(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "administrator"}, DNSNames: []string{"hub.example.org"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, fairlead.CertificateRequest{CSR: csr})
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// request is a data-plane request that is signed by key, with a chain if there is one.
func (b *bench) request(t testing.TB, id fairlead.ResourceID, operation string, body []byte, key crypto.Signer, chain ...*x509.Certificate) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, fairlead.DataPlanePath(id, operation), nil)
	if err := (proof.Signer{Key: key, Chain: chain, Now: b.clock}).Sign(r, body); err != nil {
		t.Fatal(err)
	}
	return r
}

// enrol obtains a certificate for the agent's key.
func (b *bench) enrol(t testing.TB, of *agent) fairlead.CertificateResponse {
	t.Helper()
	body := certificateBody(t, of.key)
	answer, err := b.Issue(b.request(t, of.id, fairlead.OpCertificate, body, of.onboarding), body, of.id)
	if err != nil {
		t.Fatal(err)
	}
	of.chain = parseChain(t, answer.Certificate)
	return answer
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

// heartbeat is an ordinary request of the agent.
func (b *bench) heartbeat(t testing.TB, of *agent) *http.Request {
	t.Helper()
	return b.request(t, of.id, fairlead.OpHeartbeat, []byte("{}"), of.key, of.chain...)
}

func csrOf(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	var request fairlead.CertificateRequest
	if err := json.Unmarshal(certificateBody(t, key), &request); err != nil {
		t.Fatal(err)
	}
	return request.CSR
}

func signer(t testing.TB, key any) crypto.Signer {
	t.Helper()
	made, ok := key.(crypto.Signer)
	if !ok {
		t.Fatalf("%T cannot sign", key)
	}
	return made
}
