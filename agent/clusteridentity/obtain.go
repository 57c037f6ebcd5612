package clusteridentity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"

	"github.com/fairlead/fairlead/agent/identity"
)

// maxCommonName is X.509's limit; the hub identifies by the URI, not by this.
const maxCommonName = 64

// obtain asks the hub for a certificate of a new key and checks that it is what was asked for.
func (o *Operator) obtain(ctx context.Context, onboarding crypto.Signer, fingerprint string) (*identity.Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	name := o.Cluster.Name()
	template := x509.CertificateRequest{Subject: pkix.Name{CommonName: name[:min(len(name), maxCommonName)]}}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &template, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	answer, err := o.Hub.Certificate(ctx, onboarding, csr)
	if err != nil {
		return nil, err
	}
	chain, err := identity.ParseChain([]byte(answer.Certificate))
	if err != nil {
		return nil, err
	}
	obtained := &identity.Identity{
		Chain: chain, Key: key, RenewAfter: answer.RenewAfter, OnboardingKey: fingerprint,
		PrincipalID: answer.PrincipalID, TenantID: answer.TenantID,
	}
	return obtained, o.check(obtained)
}

func (o *Operator) check(obtained *identity.Identity) error {
	if !obtained.Key.PublicKey.Equal(obtained.Leaf().PublicKey) {
		return errors.New("the hub's certificate is for another key than was asked for")
	}
	return obtained.BelongsTo(o.Cluster)
}
