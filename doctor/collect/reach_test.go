package collect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

func TestExpiredCertificateIsNamed(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	refusal := apierrors.NewUnauthorized("the server has asked for the client to provide credentials")
	cases := map[string]struct {
		reason string
		config rest.TLSClientConfig
		err    error
		named  bool
	}{
		"Expired":      {"that is why", reachPair(t, now.Add(-time.Hour)), refusal, true},
		"Valid":        {"there is another reason", reachPair(t, now.Add(time.Hour)), refusal, false},
		"None":         {"a token was refused", rest.TLSClientConfig{}, refusal, false},
		"Disconnected": {"nobody looked at the certificate", reachPair(t, now.Add(-time.Hour)), errors.New("connection reset"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			made := &collector{source: Source{Config: &rest.Config{Host: "https://a.example", TLSClientConfig: c.config}, Now: func() time.Time { return now }}}
			got := made.expired(c.err)
			if !errors.Is(got, c.err) {
				t.Errorf("%v lost %v", got, c.err)
			}
			if named := strings.Contains(got.Error(), "CN=harbour expired at 2026-03-01T11:00:00Z"); named != c.named {
				t.Errorf("%s: %v", c.reason, got)
			}
		})
	}
}

func reachPair(t *testing.T, until time.Time) rest.TLSClientConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "harbour"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return rest.TLSClientConfig{
		CertData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), KeyData: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}
