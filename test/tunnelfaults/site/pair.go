package site

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead"
)

// proxyName is whom the bridge expects.
const proxyName = "kube-aad-proxy.azure-arc.svc"

// writePair fills the folder that both pods mount, as clusteridentityoperator does: an authority, the server's certificate
// and the bridge's.
func writePair(dir string) error {
	authority, key, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return err
	}
	server, serverKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: fairlead.KubeAADProxy}, DNSNames: []string{proxyName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, key)
	if err != nil {
		return err
	}
	bridge, bridgeKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: fairlead.ClusterConnectAgent}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority, key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(dir, "ca.crt", "CERTIFICATE", authority.Raw),
		writePEM(dir, "tls.crt", "CERTIFICATE", server.Raw), writeKey(dir, "tls.key", serverKey),
		writePEM(dir, "client.crt", "CERTIFICATE", bridge.Raw), writeKey(dir, "client.key", bridgeKey),
	)
}

func issue(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, by = template, key
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
	template.KeyUsage |= x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	return made, key, err
}

func writeKey(dir, name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(dir, name, "PRIVATE KEY", der)
}

func writePEM(dir, name, kind string, der []byte) error {
	return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
