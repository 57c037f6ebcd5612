package identity

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/store"
)

// Issue answers r, whose body is body, with a certificate for the cluster, once r is proved to
// come from the holder of that cluster's onboarding key. It does not matter whether the cluster
// had a certificate before or how long ago it ended.
func (i *Issuer) Issue(r *http.Request, body []byte, id fairlead.ResourceID) (fairlead.CertificateResponse, error) {
	cluster, err := i.Find(r.Context(), id)
	if err != nil {
		return fairlead.CertificateResponse{}, unknown(id, err)
	}
	if err := i.proveOnboarding(r, body, cluster); err != nil {
		return fairlead.CertificateResponse{}, err
	}
	request, err := decodeRequest(body)
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	uris, err := cluster.uris()
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	chain, err := i.Authority.IssueClient(request.CSR, uris, Life)
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	return i.hand(r, cluster, chain)
}

func (i *Issuer) proveOnboarding(r *http.Request, body []byte, cluster Cluster) error {
	key, err := cluster.onboardingKey()
	if err != nil {
		return err
	}
	now := i.Now()
	given, err := proof.Parse(r, now)
	if err != nil {
		return err
	}
	given.Since(i.Started)
	id, err := given.Verify(key, r, body)
	if errors.Is(err, proof.ErrOtherKey) {
		return otherKey(cluster.ID)
	}
	if err != nil {
		return err
	}
	return i.replays.accept(cluster.Key, id, now)
}

func decodeRequest(body []byte) (fairlead.CertificateRequest, error) {
	var request fairlead.CertificateRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return request, fairlead.Errorf(fairlead.Invalid, "the request body is no certificate request: %w", err).WithCode("InvalidRequestContent")
	}
	return request, nil
}

// hand journals the certificate before anybody gets it.
func (i *Issuer) hand(r *http.Request, cluster Cluster, chain []*x509.Certificate) (fairlead.CertificateResponse, error) {
	leaf, now := chain[0], i.Now()
	err := i.Store.RecordCertificate(r.Context(), store.Certificate{
		Serial: leaf.SerialNumber.Text(16), ClusterKey: cluster.Key,
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, IssuedAt: now,
	})
	if err != nil {
		return fairlead.CertificateResponse{}, fmt.Errorf("record the certificate of %s: %w", cluster.Key, err)
	}
	var text []byte
	for _, certificate := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return fairlead.CertificateResponse{
		Certificate: string(text), NotAfter: leaf.NotAfter, RenewAfter: renewAfter(now, leaf.NotAfter),
		PrincipalID: cluster.identity.PrincipalID, TenantID: cluster.identity.TenantID,
	}, nil
}

// renewAfter is past half of the certificate's life, at another moment for each cluster: clusters that
// were connected together must not come back together.
func renewAfter(now, notAfter time.Time) time.Time {
	life := max(notAfter.Sub(now), 10)
	return now.Add(life/2 + rand.N(life/10)) //nolint:gosec // spreads load, guards nothing
}
