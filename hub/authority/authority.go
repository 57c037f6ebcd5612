// Package authority holds the hub's roots of trust: the master key that seals every secret at
// rest, the certificate authority of the hub's own TLS, and a second one, with a key of its own, for
// the clusters' client certificates. It issues what it is asked for; who may have a certificate
// is decided by its callers.
package authority

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"
)

// ServerSecret is the name of a secret that every hub has.
const ServerSecret = "authority/server-ca"

const clientsSecret = "authority/clients-ca"

// Authority issues the hub's server certificates and the clusters' client certificates. Its two
// keys live sealed in the store, so that every replica of a hub has the same ones.
type Authority struct {
	server  *issuer
	clients *issuer
	now     func() time.Time
}

// Open reads both authorities from the vault, and makes what is missing.
func Open(ctx context.Context, vault *Vault, now func() time.Time) (*Authority, error) {
	server, err := openIssuer(ctx, vault, ServerSecret, "Fairlead hub", now())
	if err != nil {
		return nil, err
	}
	clients, err := openIssuer(ctx, vault, clientsSecret, "Fairlead connected clusters", now())
	if err != nil {
		return nil, err
	}
	return &Authority{server: server, clients: clients, now: now}, nil
}

// CAPEM returns the certificate that clients must trust to trust the hub's own TLS.
func (a *Authority) CAPEM() []byte { return encodeCertificate(a.server.certificate) }

// Fingerprint returns what people compare to know CAPEM's certificate: sha256: and its hash in hex.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.server.certificate.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ServerRoots returns a pool that holds the authority of the hub's own TLS and nothing else.
func (a *Authority) ServerRoots() *x509.CertPool { return a.server.pool() }

// ClientRoots returns a pool that holds the authority of the clusters' certificates and nothing
// else.
func (a *Authority) ClientRoots() *x509.CertPool { return a.clients.pool() }

func encodeCertificate(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

// EncodeChain writes certificates as PEM, in their order.
func EncodeChain(chain []*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range chain {
		text = append(text, encodeCertificate(certificate)...)
	}
	return text
}

// openIssuer goes through the vault even when it has just made the issuer, so that replicas which start
// at once end up with the same one.
func openIssuer(ctx context.Context, vault *Vault, secret, name string, now time.Time) (*issuer, error) {
	bundle, err := vault.GetOrCreate(ctx, secret, func() ([]byte, error) { return newIssuer(name, now) })
	if err != nil {
		return nil, fmt.Errorf("open certificate authority %q: %w", name, err)
	}
	found, err := parseIssuer(bundle)
	if err != nil {
		return nil, fmt.Errorf("open certificate authority %q: %w", name, err)
	}
	return found, nil
}
