package identity

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

// Verify returns the cluster that id names if r, whose body is body, is proved to come from it. A
// cluster that was deleted is a NotFound error, told only to who still has its key.
func (i *Issuer) Verify(r *http.Request, body []byte, id fairlead.ResourceID) (Cluster, error) {
	now := i.Now()
	given, err := proof.Parse(r, now)
	if err != nil {
		return Cluster{}, err
	}
	from, err := i.sender(given, now)
	if err != nil {
		return Cluster{}, err
	}
	if !from.names(clusterScheme + id.Key()) {
		return Cluster{}, refuse("the identity certificate is for another cluster")
	}
	if !from.connected(r) {
		return Cluster{}, refuse("the TLS connection was made with another certificate than the request")
	}
	proofID, err := given.Verify(from.key, r, body)
	if err != nil {
		return Cluster{}, err
	}
	i.senders.remember(given, from)
	return i.current(r, id, from, proofID)
}

// sender returns the certificate that the proof was made with, if it is one of ours.
func (i *Issuer) sender(given *proof.Proof, now time.Time) (sender, error) {
	if known, ok := i.senders.find(given); ok && known.valid(now) {
		return known, nil
	}
	i.roots.Do(func() { i.pool = i.Authority.ClientRoots() })
	leaf, err := given.Chain(i.pool)
	if err != nil {
		return sender{}, explain(err)
	}
	return newSender(leaf), nil
}

// current returns the cluster as it is now, if the certificate is for this one and not for an
// earlier one of the same name.
func (i *Issuer) current(r *http.Request, id fairlead.ResourceID, from sender, proofID string) (Cluster, error) {
	cluster, err := i.Find(r.Context(), id)
	if err != nil {
		return Cluster{}, err
	}
	if !from.names(cluster.binding()) {
		return Cluster{}, fairlead.Errorf(fairlead.Unauthenticated,
			"the identity certificate belongs to an earlier connected cluster of this name").WithCode("CertificateNotCurrent")
	}
	return cluster, i.replays.accept(cluster.Key, proofID, i.Now())
}

// explain tells an expired certificate, which a new one mends, from one that was never ours.
func explain(err error) error {
	var invalid x509.CertificateInvalidError
	var known *fairlead.Error
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && errors.As(err, &known) {
		return known.WithCode("CertificateExpired")
	}
	return err
}
