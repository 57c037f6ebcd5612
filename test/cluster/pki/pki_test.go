package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/pki"
)

func TestIssue(t *testing.T) {
	t.Parallel()
	ca, err := pki.NewAuthority("ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pki.Subject{User: "ann", Groups: []string{"crew"}, Hosts: []string{"127.0.0.1", "hub.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		t.Errorf("key does not fit: %v", err)
	}
	block, _ := pem.Decode(pair.Certificate)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Pair().Certificate)
	for _, host := range []string{"127.0.0.1", "hub.example"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("as server %s: %v", host, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("as client: %v", err)
	}
	if leaf.Subject.CommonName != "ann" || leaf.Subject.Organization[0] != "crew" {
		t.Errorf("subject = %v", leaf.Subject)
	}
}
