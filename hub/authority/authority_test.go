package authority_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/store"
)

func newStore(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newVault(t *testing.T, secrets authority.Secrets) *authority.Vault {
	t.Helper()
	box, err := authority.NewBox(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &authority.Vault{Box: box, Store: secrets}
}

func open(t *testing.T, secrets authority.Secrets, now func() time.Time) *authority.Authority {
	t.Helper()
	opened, err := authority.Open(t.Context(), newVault(t, secrets), now)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func csr(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "admin"}, DNSNames: []string{"hub"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func key(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	made, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestAuthorityIsTheSameAfterRestart(t *testing.T) {
	secrets := newStore(t)
	first, second := open(t, secrets, time.Now), open(t, secrets, time.Now)
	if first.Fingerprint() != second.Fingerprint() || !bytes.Equal(first.CAPEM(), second.CAPEM()) {
		t.Error("the second start has another authority")
	}
	if !first.ClientRoots().Equal(second.ClientRoots()) || first.ClientRoots().Equal(first.ServerRoots()) {
		t.Error("the clients' authority is not the same, or not its own")
	}
}

func TestAuthoritiesMadeAtOnceAreTheSame(t *testing.T) {
	secrets := newStore(t)
	opened := make([]*authority.Authority, 8)
	var group sync.WaitGroup
	for i := range opened {
		group.Go(func() { opened[i] = open(t, secrets, time.Now) })
	}
	group.Wait()
	for _, one := range opened {
		if one.Fingerprint() != opened[0].Fingerprint() {
			t.Fatal("two replicas that start at once have two authorities")
		}
	}
}

func TestAuthorityCertificatePassesStrictChecks(t *testing.T) {
	block, _ := pem.Decode(open(t, newStore(t), time.Now).CAPEM())
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"2.5.29.19", "2.5.29.15"} { // basicConstraints, keyUsage
		critical := slices.ContainsFunc(certificate.Extensions, func(e pkix.Extension) bool {
			return e.Id.String() == name && e.Critical
		})
		if !critical {
			t.Errorf("extension %s is missing or not critical", name)
		}
	}
	if certificate.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || !certificate.IsCA || len(certificate.SubjectKeyId) == 0 {
		t.Errorf("usage %v, CA %v, subject key id %x", certificate.KeyUsage, certificate.IsCA, certificate.SubjectKeyId)
	}
	if life := certificate.NotAfter.Sub(certificate.NotBefore); life < 9*365*24*time.Hour {
		t.Errorf("lives only %s", life)
	}
}

func TestIssueClientSaysOnlyWhatTheHubSays(t *testing.T) {
	issuing, leafKey := open(t, newStore(t), time.Now), key(t, elliptic.P256())
	uri := &url.URL{Scheme: "fairlead", Opaque: "/subscriptions/s"}
	chain, err := issuing.IssueClient(csr(t, leafKey), []*url.URL{uri}, 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	leaf := chain[0]
	if !leafKey.PublicKey.Equal(leaf.PublicKey) || leaf.Subject.CommonName == "admin" || len(leaf.DNSNames) != 0 {
		t.Errorf("certificate for %q %v took over what was asked", leaf.Subject.CommonName, leaf.DNSNames)
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != uri.String() || len(leaf.AuthorityKeyId) == 0 {
		t.Errorf("URIs %v, authority key id %x", leaf.URIs, leaf.AuthorityKeyId)
	}
	verify := x509.VerifyOptions{Roots: issuing.ClientRoots(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := leaf.Verify(verify); err != nil {
		t.Error(err)
	}
	verify.Roots = issuing.ServerRoots()
	if _, err := leaf.Verify(verify); err == nil {
		t.Error("the server's authority vouches for a client")
	}
}

func TestIssueClientRefuses(t *testing.T) {
	modular, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forged := csr(t, key(t, elliptic.P256()))
	forged[len(forged)-1] ^= 1
	cases := map[string]struct {
		reason  string
		request []byte
	}{
		"Garbage":   {"what is not a request is an error, not a panic", []byte("x")},
		"TooLarge":  {"input is bounded", make([]byte, 9<<10)},
		"RSA":       {"certificates are for P-256 keys only", csr(t, modular)},
		"OtherEC":   {"certificates are for P-256 keys only", csr(t, key(t, elliptic.P384()))},
		"Forged":    {"the requester must hold the key", forged},
		"NoRequest": {"an empty body is no request", nil},
	}
	issuing := open(t, newStore(t), time.Now)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := issuing.IssueClient(c.request, nil, time.Hour); fairlead.KindOf(err) != fairlead.Invalid {
				t.Errorf("%s: got %v", c.reason, err)
			}
		})
	}
}

func FuzzIssueClient(f *testing.F) {
	f.Add([]byte("0"))
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	good, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, made)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	box, _ := authority.NewBox(make([]byte, 32))
	issuing, err := authority.Open(f.Context(), &authority.Vault{Box: box, Store: newStore(f)}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		chain, err := issuing.IssueClient(request, nil, time.Hour)
		if err != nil && fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("a request is refused as %v", err)
		}
		if err == nil && chain[0].IsCA {
			t.Error("an authority was issued")
		}
	})
}

func TestServerCertificateServesAllHostsAndIsRenewed(t *testing.T) {
	clock := time.Now()
	issuing := open(t, newStore(t), func() time.Time { return clock })
	source := &authority.ServerCertificate{Authority: issuing, Hosts: []string{"localhost", "127.0.0.1", "hub.example.org"}}
	first := certificateOf(t, source.GetCertificate)
	for _, host := range source.Hosts {
		if _, err := first.Verify(x509.VerifyOptions{Roots: issuing.ServerRoots(), DNSName: host}); err != nil {
			t.Error(err)
		}
	}
	clock = clock.Add(59 * 24 * time.Hour)
	if !certificateOf(t, source.GetCertificate).Equal(first) {
		t.Error("renewed before it is due")
	}
	clock = clock.Add(2 * 24 * time.Hour)
	renewed := certificateOf(t, source.GetCertificate)
	if renewed.Equal(first) || !renewed.NotAfter.After(first.NotAfter) {
		t.Error("not renewed when it is due")
	}
}

func TestServerCertificateSpeaksTLS(t *testing.T) {
	issuing := open(t, newStore(t), time.Now)
	source := &authority.ServerCertificate{Authority: issuing, Hosts: []string{"127.0.0.1"}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: source.GetCertificate, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = listener // not StartTLS, which adds a certificate of its own
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: issuing.ServerRoots(), MinVersion: tls.VersionTLS12}}}
	answer, err := client.Get("https://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("status %d, %v", answer.StatusCode, err)
	}
}

func certificateOf(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *x509.Certificate {
	t.Helper()
	certificate, err := get(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Leaf
}
