package identity

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead/proof"
)

// maxSenders bounds how many senders are remembered, each in some 700 bytes.
const maxSenders = 20_000

// sender is what is needed of a certificate whose chain has been verified.
type sender struct {
	key         *ecdsa.PublicKey
	uris        []string
	from, until time.Time
	certificate [sha256.Size]byte
}

func newSender(leaf *x509.Certificate) (sender, error) {
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return sender{}, refuse("the identity certificate has a key of another kind than the hub issues")
	}
	made := sender{key: key, from: leaf.NotBefore, until: leaf.NotAfter, certificate: sha256.Sum256(leaf.Raw)}
	for _, uri := range leaf.URIs {
		made.uris = append(made.uris, uri.String())
	}
	return made, nil
}

func (s sender) names(uri string) bool { return slices.Contains(s.uris, uri) }

// connected reports whether r came by a TLS connection that this certificate was used for, or by one
// without: a proxy that ends TLS has no certificate of the cluster's.
func (s sender) connected(r *http.Request) bool {
	return r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || sha256.Sum256(r.TLS.PeerCertificates[0].Raw) == s.certificate
}

// senders remembers verified chains: to parse and verify one with each heartbeat would be most of
// what a heartbeat costs. Only who proved to have a certificate's key is remembered, so strangers cannot
// fill it.
type senders struct {
	mu         sync.Mutex
	known      map[[sha256.Size]byte]sender
	generation int64 // of the authorities that led to them
}

// find forgets all when the authorities have changed: one of them may have been retired.
func (o *senders) find(given *proof.Proof, generation int64) (sender, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.generation != generation {
		o.known, o.generation = nil, generation
	}
	found, ok := o.known[given.Sender()]
	return found, ok
}

func (o *senders) remember(given *proof.Proof, verified sender, generation int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.generation != generation {
		return // the authorities have changed since the chain was judged
	}
	if o.known == nil || len(o.known) >= maxSenders {
		o.known = map[[sha256.Size]byte]sender{} // all are verified again, once
	}
	o.known[given.Sender()] = verified
}
