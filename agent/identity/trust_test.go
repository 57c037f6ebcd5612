package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
)

// hubCA is an authority of a hub's.
type hubCA struct {
	key *ecdsa.PrivateKey
	pem string
}

func newHubCA(t testing.TB) hubCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hub"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return hubCA{key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func stated(t testing.TB, generation int64, at time.Time, authorities string, signers ...hubCA) *fairlead.HubTrust {
	t.Helper()
	made := &fairlead.HubTrust{Certificates: authorities, Generation: generation, IssuedAt: at}
	digest := sha256.Sum256(made.Signed())
	for _, signer := range signers {
		signature, err := ecdsa.SignASN1(rand.Reader, signer.key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		made.Signatures = append(made.Signatures, signature)
	}
	return made
}

func TestTrustFollowsOneAuthorityAfterAnother(t *testing.T) {
	first, second, at := newHubCA(t), newHubCA(t), time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	settings := []byte(first.pem)
	var now identity.Trust
	for i, next := range []*fairlead.HubTrust{
		stated(t, 0, at, first.pem, first),
		stated(t, 1, at.Add(time.Hour), first.pem+second.pem, first, second),
		stated(t, 2, at.Add(2*time.Hour), second.pem+first.pem, first, second),
		stated(t, 3, at.Add(3*time.Hour), second.pem, second),
	} {
		followed, err := now.Follow(next, settings)
		if err != nil || followed.Generation != next.Generation || string(followed.Over(settings)) != next.Certificates {
			t.Fatalf("step %d: %+v, %v", i, followed, err)
		}
		now = followed
	}
	other := []byte(newHubCA(t).pem)
	if got := now.Over(other); !bytes.Equal(got, other) {
		t.Error("an old Secret overrides a newer chart")
	}
}

func TestTrustIsNotGivenAway(t *testing.T) {
	ours, next, proxy := newHubCA(t), newHubCA(t), newHubCA(t)
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	settings := []byte(ours.pem)
	now, err := identity.Trust{}.Follow(stated(t, 3, at, next.pem, ours), settings)
	if err != nil {
		t.Fatal(err)
	}
	altered := stated(t, 4, at.Add(time.Hour), next.pem, next)
	altered.Certificates += proxy.pem
	cases := map[string]struct {
		reason string
		stated *fairlead.HubTrust
		fails  bool
	}{
		"Unsigned": {"a proxy that ends TLS can write anything", stated(t, 4, at.Add(time.Hour), proxy.pem), true},
		"Stranger": {"its own signature is worth nothing", stated(t, 4, at.Add(time.Hour), proxy.pem+next.pem, proxy), true},
		"Altered":  {"what is signed cannot be added to", altered, true},
		"Retired":  {"the old authority may be in wrong hands", stated(t, 4, at.Add(time.Hour), ours.pem, ours), true},
		"Replayed": {"an old statement would bring a retired authority back", stated(t, 2, at.Add(-time.Hour), ours.pem, next), false},
		"Same":     {"nothing is new", stated(t, 3, at, next.pem, next), false},
		"Nonsense": {"no certificates at all", stated(t, 4, at.Add(time.Hour), "x", next), true},
		"TooMany":  {"signatures are bounded", stated(t, 4, at.Add(time.Hour), next.pem, next, next, next, next, next), true},
		"Nothing":  {"a hub of an older version states nothing", nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			followed, err := now.Follow(c.stated, settings)
			if (err != nil) != c.fails || string(followed.Certificates) != next.pem || followed.Generation != 3 {
				t.Errorf("%s: %+v, %v", c.reason, followed, err)
			}
		})
	}
	if _, err := now.Follow(cases["Stranger"].stated, settings); !errors.Is(err, identity.ErrNotVouchedFor) {
		t.Errorf("got %v", err)
	}
}

func TestTrustOfPublicAuthoritiesIsLeftAlone(t *testing.T) {
	ca := newHubCA(t)
	if got, err := (identity.Trust{}).Follow(stated(t, 1, time.Now(), ca.pem, ca), nil); err != nil || got.Certificates != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whoever can write the Secret has more already; still nothing in it may break an agent.
func FuzzTrustOfASecret(f *testing.F) {
	ca := newHubCA(f)
	f.Add([]byte(ca.pem), "1", "2026-11-26T12:00:00Z", identity.BaseOf(nil))
	f.Add([]byte("-----BEGIN"), "-1", "", "")
	f.Fuzz(func(t *testing.T, text []byte, generation, issued, base string) {
		secret := &corev1.Secret{Data: map[string][]byte{"ca.crt": text}}
		secret.Annotations = map[string]string{
			identity.AnnotationTrustGeneration: generation, identity.AnnotationTrustIssued: issued, identity.AnnotationTrustBase: base,
		}
		found := identity.ParseTrust(secret)
		if len(found.Certificates) > 0 && !x509.NewCertPool().AppendCertsFromPEM(found.Certificates) {
			t.Error("a trust without a certificate")
		}
		if _, err := found.Follow(&fairlead.HubTrust{Certificates: string(text), Signatures: [][]byte{text}}, []byte(ca.pem)); err == nil {
			t.Error("an unsigned statement is followed")
		}
	})
}
