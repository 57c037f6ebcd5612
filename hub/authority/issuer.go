package authority

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// Certificates are valid from so long ago. A cluster whose clock is a day late could not even reach the hub to learn the
	// time from it: TLS judges by the cluster's own clock.
	skew = 3 * 24 * time.Hour
)

// issuer is one certificate authority: a self-signed certificate and its key.
type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newIssuer makes an authority and returns it as the PEM bundle that parseIssuer reads. The random
// part of its name keeps the authorities of two hubs apart in a trust store.
func newIssuer(name string, now time.Time) ([]byte, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: name + " " + strings.ToLower(rand.Text()[:8])},
		NotBefore: now.Add(-skew), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign its own certificate: %w", err)
	}
	return encodeIssuer(der, key)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return key, nil
}

func encodeIssuer(certificate []byte, key crypto.Signer) ([]byte, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	var bundle bytes.Buffer
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: certificate}, {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := pem.Encode(&bundle, block); err != nil {
			return nil, fmt.Errorf("encode certificate authority: %w", err)
		}
	}
	return bundle.Bytes(), nil
}

func parseIssuer(bundle []byte) (*issuer, error) {
	pair, err := tls.X509KeyPair(bundle, bundle)
	if err != nil {
		return nil, fmt.Errorf("read certificate and key: %w", err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("its key cannot sign")
	}
	return &issuer{certificate: pair.Leaf, key: key}, nil
}

// issue signs a leaf for public and never lets it outlive its issuer.
func (i *issuer) issue(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	template.BasicConstraintsValid = true
	if template.NotAfter.After(i.certificate.NotAfter) {
		template.NotAfter = i.certificate.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.certificate, public, i.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the signed certificate: %w", err)
	}
	return certificate, nil
}
