// Package identity is the cluster's identity as it lies in Secret azure-identity-certificate: how it
// is written there, read back, and followed. Obtaining one is package clusteridentity's business.
package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

// Annotations of the Secret: all that can be known without reading the key.
const (
	AnnotationRenewAfter    = "clusterconfig.azure.com/renew-after"
	AnnotationNotAfter      = "clusterconfig.azure.com/not-after"
	AnnotationOnboardingKey = "clusterconfig.azure.com/onboarding-key" // hex of SHA-256 of the public key
	AnnotationPrincipal     = "clusterconfig.azure.com/principal-id"
	AnnotationTenant        = "clusterconfig.azure.com/tenant-id"
)

// Annotations of the Secret about the hub's authorities in it: which statement of the hub they are of, and in place of
// which settings they were taken.
const (
	AnnotationTrustGeneration = "clusterconfig.azure.com/hub-trust-generation"
	AnnotationTrustIssued     = "clusterconfig.azure.com/hub-trust-issued-at"
	AnnotationTrustBase       = "clusterconfig.azure.com/hub-trust-instead-of" // hex of SHA-256 of the PEM of the settings
)

const (
	fieldChain     = corev1.TLSCertKey
	fieldKey       = corev1.TLSPrivateKeyKey
	fieldTrust     = corev1.ServiceAccountRootCAKey
	maxChain       = 10
	keyBlock       = "EC PRIVATE KEY"
	uriScheme      = "fairlead:"
	partOfLabelKey = "app.kubernetes.io/part-of"
)

// Identity is a certificate of the hub with its key. Chain has the leaf first.
type Identity struct {
	Chain         []*x509.Certificate
	Key           *ecdsa.PrivateKey
	RenewAfter    time.Time
	OnboardingKey string // fingerprint of the onboarding key that obtained it
	PrincipalID   string
	TenantID      string
	Trust         Trust
}

// Fingerprint names an onboarding key without showing anything of it.
func Fingerprint(public any) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encode the onboarding key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// Leaf returns the certificate itself.
func (i *Identity) Leaf() *x509.Certificate { return i.Chain[0] }

// Is reports whether both are the same certificate; nil is none.
func (i *Identity) Is(other *Identity) bool {
	if i == nil || other == nil {
		return i == other
	}
	return bytes.Equal(i.Leaf().Raw, other.Leaf().Raw)
}

// BelongsTo checks that the certificate names the cluster.
func (i *Identity) BelongsTo(cluster fairlead.ResourceID) error {
	for _, uri := range i.Leaf().URIs {
		if uri.String() == uriScheme+cluster.Key() {
			return nil
		}
	}
	return fmt.Errorf("the identity certificate does not name %s", cluster)
}

// ParseChain reads PEM certificates, leaf first.
func ParseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for len(chain) < maxChain {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read the identity certificate: %w", err)
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate in the identity's chain")
	}
	return chain, nil
}

// Parse reads the identity out of its Secret.
func Parse(secret *corev1.Secret) (*Identity, error) {
	chain, err := ParseChain(secret.Data[fieldChain])
	if err != nil {
		return nil, err
	}
	key, err := parseKey(secret.Data[fieldKey])
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(chain[0].PublicKey) {
		return nil, errors.New("the identity certificate is for another key")
	}
	notes := secret.Annotations
	renew, err := time.Parse(time.RFC3339, notes[AnnotationRenewAfter])
	if err != nil {
		renew = chain[0].NotBefore.Add(chain[0].NotAfter.Sub(chain[0].NotBefore) / 2)
	}
	return &Identity{
		Chain: chain, Key: key, RenewAfter: renew, OnboardingKey: notes[AnnotationOnboardingKey],
		PrincipalID: notes[AnnotationPrincipal], TenantID: notes[AnnotationTenant], Trust: ParseTrust(secret),
	}, nil
}

func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no key beside the identity certificate")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key beside the identity certificate cannot be read")
	}
	return key, nil
}

// Secret returns the Secret that holds the identity, for a server-side apply.
func (i *Identity) Secret(namespace string) (*corev1.Secret, error) {
	der, err := x509.MarshalECPrivateKey(i.Key)
	if err != nil {
		return nil, fmt.Errorf("encode the identity's key: %w", err)
	}
	var chain bytes.Buffer
	for _, certificate := range i.Chain {
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}); err != nil {
			return nil, fmt.Errorf("encode the identity's chain: %w", err)
		}
	}
	return &corev1.Secret{
		TypeMeta: kube.Secrets(namespace).TypeMeta("Secret"),
		ObjectMeta: metav1.ObjectMeta{
			Name: fairlead.IdentitySecret, Namespace: namespace,
			Labels: map[string]string{partOfLabelKey: "azure-arc"}, Annotations: i.notes(),
		},
		Type: corev1.SecretTypeTLS,
		Data: i.data(chain.Bytes(), pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der})),
	}, nil
}

func (i *Identity) data(chain, key []byte) map[string][]byte {
	all := map[string][]byte{fieldChain: chain, fieldKey: key}
	if len(i.Trust.Certificates) > 0 {
		all[fieldTrust] = i.Trust.Certificates
	}
	return all
}

func (i *Identity) notes() map[string]string {
	notes := map[string]string{
		AnnotationRenewAfter: i.RenewAfter.UTC().Format(time.RFC3339), AnnotationNotAfter: i.Leaf().NotAfter.UTC().Format(time.RFC3339),
		AnnotationOnboardingKey: i.OnboardingKey, AnnotationPrincipal: i.PrincipalID, AnnotationTenant: i.TenantID,
	}
	i.Trust.note(notes)
	return notes
}
