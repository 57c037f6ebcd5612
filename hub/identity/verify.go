package identity

import (
	"crypto/x509"
	"errors"
	"net/http"

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
	leaf, err := i.leaf(r, given, id)
	if err != nil {
		return Cluster{}, err
	}
	proofID, err := given.Verify(leaf.PublicKey, r, body)
	if err != nil {
		return Cluster{}, err
	}
	cluster, err := i.Find(r.Context(), id)
	if err != nil {
		return Cluster{}, err
	}
	if !names(leaf, cluster.binding()) {
		return Cluster{}, fairlead.Errorf(fairlead.Unauthenticated,
			"the identity certificate belongs to an earlier connected cluster of this name").WithCode("CertificateNotCurrent")
	}
	return cluster, i.replays.accept(cluster.Key, proofID, now)
}

// leaf returns the certificate that r is signed with, if it is one of ours and for this cluster.
func (i *Issuer) leaf(r *http.Request, given *proof.Proof, id fairlead.ResourceID) (*x509.Certificate, error) {
	i.roots.Do(func() { i.pool = i.Authority.ClientRoots() })
	leaf, err := given.Chain(i.pool)
	if err != nil {
		return nil, explain(err)
	}
	if !names(leaf, clusterScheme+id.Key()) {
		return nil, refuse("the identity certificate is for another cluster")
	}
	// A proxy that ends TLS sends no certificate of the cluster's; one that is sent must fit.
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && !r.TLS.PeerCertificates[0].Equal(leaf) {
		return nil, refuse("the TLS connection was made with another certificate than the request")
	}
	return leaf, nil
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

func names(leaf *x509.Certificate, uri string) bool {
	for _, named := range leaf.URIs {
		if named.String() == uri {
			return true
		}
	}
	return false
}
