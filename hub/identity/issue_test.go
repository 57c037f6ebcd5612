package identity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/store"
)

func TestCertificateSaysWhatTheHubKnows(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	answer := b.enrol(t, a)
	leaf := a.chain[0]
	if len(leaf.URIs) != 2 || leaf.URIs[0].String() != "fairlead:"+a.id.Key() {
		t.Errorf("URIs %v, want the cluster's key and its binding", leaf.URIs)
	}
	if leaf.Subject.CommonName == "administrator" || len(leaf.DNSNames) != 0 {
		t.Errorf("names %q %v were taken from the request", leaf.Subject, leaf.DNSNames)
	}
	if !a.key.PublicKey.Equal(leaf.PublicKey) || !leaf.NotAfter.Equal(b.now.Add(identity.Life)) {
		t.Errorf("key %T, valid until %s", leaf.PublicKey, leaf.NotAfter)
	}
	if answer.PrincipalID != "principal-of-edge-1" || answer.TenantID != "tenant" {
		t.Errorf("principal %q of tenant %q", answer.PrincipalID, answer.TenantID)
	}
	issued, err := b.db.Certificates(t.Context(), a.id.Key())
	if err != nil || len(issued) != 1 || issued[0].Serial != leaf.SerialNumber.Text(16) {
		t.Errorf("journal %+v: %v", issued, err)
	}
}

func TestRenewalComesAfterHalfOfLifeAndNotForAllAtOnce(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	moments := map[time.Time]bool{}
	for range 5 {
		answer := b.enrol(t, a)
		if early := answer.RenewAfter.Before(b.now.Add(identity.Life / 2)); early || answer.RenewAfter.After(b.now.Add(identity.Life*6/10)) {
			t.Errorf("renew after %s of %s", answer.RenewAfter.Sub(b.now), identity.Life)
		}
		moments[answer.RenewAfter] = true
	}
	if len(moments) < 2 {
		t.Error("every cluster would come back at the same moment")
	}
}

func TestSameKeyBringsAClusterBackAfterAnyAbsence(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	b.enrol(t, a)
	b.now = b.now.Add(3 * 365 * 24 * time.Hour)
	if _, err := b.Verify(b.heartbeat(t, a), []byte("{}"), a.id); fairlead.CodeOf(err) != "CertificateExpired" {
		t.Fatalf("%v, want the old certificate refused as expired", err)
	}
	b.enrol(t, a)
	if _, err := b.Verify(b.heartbeat(t, a), []byte("{}"), a.id); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
}

func TestCertificateIsRefused(t *testing.T) {
	b := newBench(t)
	a, other := b.register(t, "edge-1"), b.register(t, "edge-2")
	b.enrol(t, a)
	good := certificateBody(t, a.key)
	wide, foreign := ellipticKey(t, elliptic.P384()), certificateBody(t, onboardingKey(t))
	path := func(id fairlead.ResourceID, body []byte, key crypto.Signer) *http.Request {
		return b.request(t, id, fairlead.OpCertificate, body, key)
	}
	cases := map[string]struct {
		reason  string
		request *http.Request
		body    []byte
		id      fairlead.ResourceID
		code    string
	}{
		"OtherKey":         {"only the onboarding key proves", path(a.id, good, onboardingKey(t)), good, a.id, "InvalidProof"},
		"OtherClustersKey": {"another cluster's key proves another cluster", path(a.id, good, other.onboarding), good, a.id, "InvalidProof"},
		"OtherClusterPath": {"a proof is for one path", path(a.id, good, a.onboarding), good, other.id, "InvalidProof"},
		"IdentityKey":      {"an identity cannot renew itself without the onboarding key", path(a.id, good, a.key), good, a.id, "InvalidProof"},
		"AlteredBody":      {"the request for a key is part of what is proved", path(a.id, good, a.onboarding), certificateBody(t, other.key), a.id, "InvalidProof"},
		"NoProof":          {"nobody gets one for the asking", mustRequest(t, a.id), good, a.id, "InvalidProof"},
		"UnknownCluster":   {"there is nothing to prove", path(unknown(), good, a.onboarding), good, unknown(), "ResourceNotFound"},
		"RSARequest":       {"identities are P-256", path(a.id, foreign, a.onboarding), foreign, a.id, "InvalidCertificateRequest"},
		"NoJSON":           {"a body is a request", path(a.id, []byte("x"), a.onboarding), []byte("x"), a.id, "InvalidRequestContent"},
		"NoRequest":        {"a request has a CSR", path(a.id, []byte("{}"), a.onboarding), []byte("{}"), a.id, "InvalidCertificateRequest"},
		"BadSignature":     {"the requester holds the key", nil, withBadSignature(t, a.key), a.id, "InvalidCertificateRequest"},
		"WideRequest":      {"identities are P-256", nil, certificateBody(t, wide), a.id, "InvalidCertificateRequest"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.request == nil {
				c.request = path(c.id, c.body, a.onboarding)
			}
			answer, err := b.Issue(c.request, c.body, c.id)
			if fairlead.CodeOf(err) != c.code || answer.Certificate != "" {
				t.Errorf("%v, want %s because %s", err, c.code, c.reason)
			}
		})
	}
}

func TestCertificateRequestIsGoodOnce(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	body := certificateBody(t, a.key)
	r := b.request(t, a.id, fairlead.OpCertificate, body, a.onboarding)
	if _, err := b.Issue(r, body, a.id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Issue(r, body, a.id); fairlead.CodeOf(err) != "ProofReplayed" {
		t.Errorf("%v, want the replay refused", err)
	}
}

func unknown() fairlead.ResourceID { return fairlead.ConnectedClusterID("s", "g", "absent") }

func mustRequest(t *testing.T, id fairlead.ResourceID) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fairlead.DataPlanePath(id, fairlead.OpCertificate), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func withBadSignature(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	der[len(der)-1] ^= 1
	return encode(t, fairlead.CertificateRequest{CSR: der})
}

func TestClusterWithoutOnboardingKeyGetsNothing(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	for name, key := range map[string]string{"None": "", "NoBase64": "?", "NoKey": "AAAA"} {
		t.Run(name, func(t *testing.T) {
			body := fmt.Appendf(nil, `{"properties":{"agentPublicKeyCertificate":%q}}`, key)
			_, err := b.db.PutResource(t.Context(), store.Resource{
				Key: a.id.Key(), ID: a.id.String(), Type: "microsoft.kubernetes/connectedclusters", Body: body,
			}, store.AnyState)
			if err != nil {
				t.Fatal(err)
			}
			request := certificateBody(t, a.key)
			if _, err := b.Issue(b.request(t, a.id, fairlead.OpCertificate, request, a.onboarding), request, a.id); fairlead.CodeOf(err) != "InvalidProof" {
				t.Errorf("%v, want a refusal", err)
			}
		})
	}
}

func FuzzCertificateRequest(f *testing.F) {
	b := newBench(f)
	a := b.register(f, "edge-1")
	f.Add(certificateBody(f, a.key))
	f.Add([]byte(`{"csr":"MA=="}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, body []byte) {
		b.now = b.now.Add(time.Second) // keeps the memory of proofs short
		answer, err := b.Issue(b.request(t, a.id, fairlead.OpCertificate, body, a.onboarding), body, a.id)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.Invalid {
				t.Errorf("%v is not told as a bad request", err)
			}
			return
		}
		leaf := parseChain(t, answer.Certificate)[0]
		if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || leaf.URIs[0].String() != "fairlead:"+a.id.Key() {
			t.Errorf("a certificate for %T and %v", leaf.PublicKey, leaf.URIs)
		}
	})
}
