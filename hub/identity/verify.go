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
	given.Since(i.Started)
	prove := i.proveFirst
	if known, ok := i.senders.find(given, i.Authority.Generation()); ok && known.valid(now) {
		prove = known.proveAgain
	}
	from, proofID, err := prove(given, r, body)
	if err != nil {
		return Cluster{}, err
	}
	if err := from.fits(r, id); err != nil {
		return Cluster{}, err
	}
	cluster, err := i.current(r, id, from)
	if err != nil {
		return Cluster{}, err
	}
	return cluster, i.replays.accept(cluster.Key, proofID, now)
}

// proveFirst judges the chain and then the proof, and remembers the sender when both are good.
func (i *Issuer) proveFirst(given *proof.Proof, r *http.Request, body []byte) (sender, string, error) {
	generation := i.Authority.Generation()
	leaf, err := given.Chain(i.Authority.ClientRoots())
	if err != nil {
		return sender{}, "", explain(err)
	}
	from, err := newSender(leaf)
	if err != nil {
		return sender{}, "", err
	}
	proofID, err := given.Verify(from.key, r, body)
	if err != nil {
		return sender{}, "", err
	}
	i.senders.remember(given, from, generation)
	return from, proofID, nil
}

// current returns the cluster as it is now, if the certificate is for this one and not for an
// earlier one of the same name.
func (i *Issuer) current(r *http.Request, id fairlead.ResourceID, from sender) (Cluster, error) {
	cluster, err := i.Find(r.Context(), id)
	if err != nil {
		return Cluster{}, unknown(id, err)
	}
	if !from.names(cluster.binding()) {
		return Cluster{}, fairlead.Errorf(fairlead.Unauthenticated,
			"the identity certificate belongs to an earlier connected cluster of this name").WithCode("CertificateNotCurrent")
	}
	cluster.Sender = from.key
	return cluster, nil
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

// proveAgain judges the proof alone.
func (s sender) proveAgain(given *proof.Proof, r *http.Request, body []byte) (sender, string, error) {
	proofID, err := given.VerifyAgain(s.key, r, body)
	return s, proofID, err
}

// fits checks that the certificate is for the cluster that r names and for the connection that r
// came by. A proxy that ends TLS has no certificate of the cluster's; one that is there must be the same.
func (s sender) fits(r *http.Request, id fairlead.ResourceID) error {
	if !s.names(clusterScheme + id.Key()) {
		return refuse("the identity certificate is for another cluster")
	}
	if !s.connected(r) {
		return refuse("the TLS connection was made with another certificate than the request")
	}
	return nil
}

// valid reports whether the certificate holds now; nothing else that was verified can change.
func (s sender) valid(now time.Time) bool { return !now.Before(s.from) && !now.After(s.until) }
