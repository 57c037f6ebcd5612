// Package identity gives connected clusters their identity and recognises it. A cluster proves
// with its onboarding key, whose public half lies in its resource, that a certificate is for it;
// the certificate then proves every other request. The package decides who a request is from and
// nothing else; certificates are signed by hub/authority.
package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Life is how long a certificate is valid.
const Life = 90 * 24 * time.Hour

// Store is what the issuer needs of *store.DB.
type Store interface {
	GetResource(ctx context.Context, key string) (store.Resource, error)
	Mark(key string) (mark uint64, certain bool)
	RecordCertificate(ctx context.Context, certificate store.Certificate) error
}

// Authority signs the clusters' certificates; *authority.Authority is one.
type Authority interface {
	IssueClient(csr []byte, uris []*url.URL, ttl time.Duration) ([]*x509.Certificate, error)
	ClientRoots() *x509.CertPool
	Generation() int64
}

// Issuer issues certificates to clusters and recognises clusters by them.
type Issuer struct {
	Store     Store
	Authority Authority
	Now       func() time.Time
	// Started is when this process began to remember proofs: older ones may have been accepted before.
	Started time.Time

	replays  replays
	senders  senders
	clusters clusters
}

// Cluster is a connected cluster as far as its identity goes. Body is its whole document, as the store
// holds it: what clients may write there is for others to understand. Sender is the key of the certificate by which Verify
// recognised it, nil when it was found otherwise.
type Cluster struct {
	Key    string
	ID     fairlead.ResourceID // as the resource spells it
	Body   json.RawMessage
	Sender *ecdsa.PublicKey

	onboarding string
	identity   fairlead.ManagedIdentity
}

// Find returns the connected cluster with that id, or NotFound. The cluster is as it was after the last
// write that has returned.
func (i *Issuer) Find(ctx context.Context, id fairlead.ResourceID) (Cluster, error) {
	key := id.Key()
	mark, certain := i.Store.Mark(key) // before reading: what is written meanwhile must not be missed
	if known, ok := i.clusters.find(key, mark); ok && certain {
		return known, nil
	}
	stored, err := i.Store.GetResource(ctx, key)
	if err != nil {
		return Cluster{}, err
	}
	found, err := read(stored)
	if err == nil && certain {
		i.clusters.remember(found, mark)
	}
	return found, err
}

// document is the little of a connected cluster that its identity depends on.
type document struct {
	Identity   fairlead.ManagedIdentity `json:"identity"`
	Properties struct {
		Onboarding string `json:"agentPublicKeyCertificate"`
	} `json:"properties"`
}

func read(stored store.Resource) (Cluster, error) {
	var known document
	if err := json.Unmarshal(stored.Body, &known); err != nil {
		return Cluster{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	id, err := fairlead.ParseResourceID(stored.ID)
	if err != nil {
		return Cluster{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	return Cluster{Key: stored.Key, ID: id, Body: stored.Body, onboarding: known.Properties.Onboarding, identity: known.Identity}, nil
}

// onboardingKey returns the key with which the cluster may ask for certificates.
func (c Cluster) onboardingKey() (*rsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(c.onboarding)
	if err != nil || len(der) == 0 {
		return nil, refuse("the connected cluster has no onboarding key; connect it again")
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil, refuse("the connected cluster's onboarding key cannot be read; connect it again")
	}
	return key, nil
}

// The URIs in a certificate: the cluster it is for, and which cluster of that name it is for.
const (
	clusterScheme = "fairlead:"
	bindingScheme = "fairlead-binding:"
)

// binding changes when another onboarding key or another principal takes over the cluster's name, so
// that a certificate does not outlive the resource for which it was issued.
func (c Cluster) binding() string {
	sum := sha256.Sum256([]byte(c.onboarding + "\n" + c.identity.PrincipalID))
	return bindingScheme + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Same reports whether two readings of a cluster are of one identity: certificates for the one are good for the other.
func (c Cluster) Same(other Cluster) bool {
	return c.Key == other.Key && c.onboarding == other.onboarding && c.identity.PrincipalID == other.identity.PrincipalID
}

func (c Cluster) uris() ([]*url.URL, error) {
	texts := []string{clusterScheme + c.Key, c.binding()}
	uris := make([]*url.URL, len(texts))
	for i, text := range texts {
		uri, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("name %s in a certificate: %w", c.Key, err)
		}
		uris[i] = uri
	}
	return uris, nil
}

func refuse(format string, args ...any) *fairlead.Error {
	return fairlead.Errorf(fairlead.Unauthenticated, format, args...).WithCode("InvalidProof")
}
