package arcproxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// commonName is how proxies of ours recognise one another.
const commonName = "Fairlead local proxy"

// identityLife is longer than any proxy runs.
const identityLife = 2 * 365 * 24 * time.Hour

// identity is the proxy's certificate, and the authority in the kubeconfigs that it writes.
type identity struct {
	authority   []byte
	certificate tls.Certificate
}

func newIdentity(now time.Time) (*identity, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	authority := certificate(now, commonName+" authority", 1)
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return nil, err
	}
	// The serial number and key id come with the certificate as it was signed.
	if authority, err = x509.ParseCertificate(signed); err != nil {
		return nil, fmt.Errorf("read the authority: %w", err)
	}
	leaf := certificate(now, commonName, 2)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	content, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, authorityKey)
	if err != nil {
		return nil, err
	}
	return &identity{
		authority:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		certificate: tls.Certificate{Certificate: [][]byte{content, signed}, PrivateKey: key},
	}, nil
}

func certificate(now time.Time, name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(identityLife),
	}
}

func (i *identity) settings() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{i.certificate}, NextProtos: []string{"h2", "http/1.1"}}
}
