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
	"sync/atomic"
	"time"
)

// ServerSecret is the name of a secret that every hub has.
const ServerSecret = "authority/server-ca"

const (
	clientsSecret = "authority/clients-ca"
	serverName    = "Fairlead hub"
	clientsName   = "Fairlead connected clusters"
)

// Authority issues the hub's server certificates and the clusters' client certificates. Its keys live
// sealed in the store, so that every replica of a hub has the same ones. While one authority follows
// another there are two of each.
type Authority struct {
	vault *Vault
	now   func() time.Time
	state atomic.Pointer[state]
}

// Open reads both authorities from the vault, and makes what is missing.
func Open(ctx context.Context, vault *Vault, now func() time.Time) (*Authority, error) {
	server, err := openIssuer(ctx, vault, ServerSecret, serverName, now())
	if err != nil {
		return nil, err
	}
	clients, err := openIssuer(ctx, vault, clientsSecret, clientsName, now())
	if err != nil {
		return nil, err
	}
	first, err := newState(rotation{Servers: [][]byte{server}, Clients: [][]byte{clients}})
	if err != nil {
		return nil, err
	}
	a := &Authority{vault: vault, now: now}
	a.state.Store(first)
	_, err = a.Reload(ctx)
	return a, err
}

// CAPEM returns the certificates that clients must trust to trust the hub's own TLS, the one that signs it now first.
func (a *Authority) CAPEM() []byte { return a.state.Load().serverPEM() }

// Fingerprint returns what people compare to know the certificate that signs the hub's own TLS: sha256: and its hash in hex.
func (a *Authority) Fingerprint() string { return fingerprint(a.state.Load().serving().certificate) }

func fingerprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ServerRoots returns a pool that holds the authorities of the hub's own TLS and nothing else.
func (a *Authority) ServerRoots() *x509.CertPool { return poolOf(a.state.Load().servers) }

// ClientRoots returns a pool that holds the authorities of the clusters' certificates and nothing
// else.
func (a *Authority) ClientRoots() *x509.CertPool { return a.state.Load().clientPool }

// Generation grows with each step from one authority to another.
func (a *Authority) Generation() int64 { return a.state.Load().generation }

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
func openIssuer(ctx context.Context, vault *Vault, secret, name string, now time.Time) ([]byte, error) {
	bundle, err := vault.GetOrCreate(ctx, secret, func() ([]byte, error) { return newIssuer(name, now) })
	if err != nil {
		return nil, fmt.Errorf("open certificate authority %q: %w", name, err)
	}
	return bundle, nil
}
