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
	"log/slog"

	"github.com/fairlead/fairlead"
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
		PrincipalID: answer.PrincipalID, TenantID: answer.TenantID, Trust: o.follow(ctx, answer.Trust),
	}
	return obtained, o.check(obtained)
}

func (o *Operator) check(obtained *identity.Identity) error {
	if !obtained.Key.PublicKey.Equal(obtained.Leaf().PublicKey) {
		return errors.New("the hub's certificate is for another key than was asked for")
	}
	return obtained.BelongsTo(o.Cluster)
}

// follow returns whom to trust as the hub from now on.
func (o *Operator) follow(ctx context.Context, stated *fairlead.HubTrust) identity.Trust {
	var before identity.Trust
	if current, _, _ := o.Holder.Current(); current != nil {
		before = current.Trust
	}
	next, err := before.Follow(stated, o.HubCA)
	switch {
	case err != nil:
		o.Log.WarnContext(ctx, "the hub states other authorities than are trusted here, which are not followed; connect the cluster again if the hub was replaced",
			slog.String("error", err.Error()))
	case next.Generation != before.Generation || string(next.Certificates) != string(before.Certificates):
		o.Log.InfoContext(ctx, "the hub's authorities are followed", slog.Int64("generation", next.Generation))
	}
	if stated != nil {
		o.considered = stated.Hash()
	}
	return next
}
