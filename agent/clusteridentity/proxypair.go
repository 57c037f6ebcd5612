package clusteridentity

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
	"time"

	"github.com/fairlead/fairlead"
)

// Fields of Secret kube-aad-proxy-certificate. Each of the two pods is given those only that it needs, and neither the key of
// the authority.
const (
	fieldAuthority    = "ca.crt"
	fieldAuthorityKey = "ca.key"
	fieldServer       = "tls.crt"
	fieldServerKey    = "tls.key"
	fieldBridge       = "client.crt"
	fieldBridgeKey    = "client.key"
	fieldHub          = "hub-ca.crt" // whom to trust as the hub, for pods that may not read the identity
)

// How long certificates are good. The authority outlives many of them, so that the two pods, which learn of new ones
// at different times, believe one another all the while.
const (
	pairLife      = 365 * 24 * time.Hour
	authorityLife = 10 * pairLife
	backdated     = time.Hour // for nodes whose clocks differ
)

func pairFields() []string {
	return []string{fieldAuthority, fieldAuthorityKey, fieldServer, fieldServerKey, fieldBridge, fieldBridgeKey}
}

// pair is the certificates of both ends and the authority that they are of.
type pair struct {
	authority, server, bridge *x509.Certificate
	key                       *ecdsa.PrivateKey // of the authority
}

// serverNames are those under which the bridge may dial kube-aad-proxy.
func serverNames() []string {
	short := fairlead.KubeAADProxy + "." + fairlead.AgentNamespace
	return []string{fairlead.KubeAADProxy, short, short + ".svc", short + ".svc.cluster.local"}
}

// parsePair reads certificates and checks that they belong together.
func parsePair(data map[string][]byte) (pair, error) {
	authority, key, err := parseOne(data, fieldAuthority, fieldAuthorityKey)
	if err != nil {
		return pair{}, err
	}
	found := pair{authority: authority, key: key}
	for _, leaf := range []struct {
		into              **x509.Certificate
		field, keyField   string
		usage             x509.ExtKeyUsage
		name, certificate string
	}{
		{&found.server, fieldServer, fieldServerKey, x509.ExtKeyUsageServerAuth, serverNames()[2], "server"},
		{&found.bridge, fieldBridge, fieldBridgeKey, x509.ExtKeyUsageClientAuth, "", "bridge"},
	} {
		if *leaf.into, _, err = parseOne(data, leaf.field, leaf.keyField); err != nil {
			return pair{}, err
		}
		roots := x509.NewCertPool()
		roots.AddCert(authority)
		options := x509.VerifyOptions{
			Roots: roots, DNSName: leaf.name, KeyUsages: []x509.ExtKeyUsage{leaf.usage}, CurrentTime: (*leaf.into).NotBefore.Add(backdated),
		}
		if _, err := (*leaf.into).Verify(options); err != nil {
			return pair{}, fmt.Errorf("the certificate of the %s does not belong to the others: %w", leaf.certificate, err)
		}
	}
	return found, nil
}

// parseOne reads a certificate and its key. Its errors never hold any of the text.
func parseOne(data map[string][]byte, field, keyField string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(data[field])
	keyBlock, _ := pem.Decode(data[keyField])
	if block == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("%s or %s is missing", field, keyField)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	key, keyErr := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil || keyErr != nil || !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, nil, fmt.Errorf("%s and %s are no certificate and its key", field, keyField)
	}
	return certificate, key, nil
}

// due reports whether one of the certificates has had half of its life.
func (p pair) due(now time.Time) bool {
	return halfOver(p.server, now) || halfOver(p.bridge, now) || p.authority.NotAfter.Sub(now) < pairLife
}

func halfOver(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore)/2)) || now.Before(c.NotBefore)
}

// issuePair puts new certificates into the data of the Secret, of the authority that is there, if it is good for long enough.
func issuePair(data map[string][]byte, now time.Time) error {
	authority, key, err := parseOne(data, fieldAuthority, fieldAuthorityKey)
	if err != nil || !authority.IsCA || authority.NotAfter.Sub(now) < pairLife || now.Before(authority.NotBefore) {
		if authority, key, err = issueAuthority(data, now); err != nil {
			return err
		}
	}
	server := &x509.Certificate{
		Subject: pkix.Name{CommonName: fairlead.KubeAADProxy}, DNSNames: serverNames(), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	bridge := &x509.Certificate{
		Subject: pkix.Name{CommonName: fairlead.ClusterConnectAgent}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	return errors.Join(issue(data, fieldServer, fieldServerKey, server, now, authority, key),
		issue(data, fieldBridge, fieldBridgeKey, bridge, now, authority, key))
}

func issueAuthority(data map[string][]byte, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority of " + fairlead.KubeAADProxy}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: now.Add(authorityLife),
	}
	if err := issue(data, fieldAuthority, fieldAuthorityKey, template, now, nil, nil); err != nil {
		return nil, nil, err
	}
	return parseOne(data, fieldAuthority, fieldAuthorityKey)
}

// issue makes a key and a certificate for it; without a parent it is one that has signed itself.
func issue(
	data map[string][]byte, field, keyField string, template *x509.Certificate, now time.Time, parent *x509.Certificate, by *ecdsa.PrivateKey,
) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return fmt.Errorf("make a serial number: %w", err)
	}
	template.SerialNumber, template.NotBefore = serial, now.Add(-backdated)
	if template.NotAfter.IsZero() {
		template.NotAfter, template.KeyUsage = now.Add(pairLife), x509.KeyUsageDigitalSignature
	}
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	data[field] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	data[keyField] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	return nil
}
