package connect

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

const (
	keyBits  = 4096
	keyBlock = "RSA PRIVATE KEY"
)

// newKey makes a cluster's onboarding key. It takes a second or three, and cannot be stopped: when ctx ends
// before, nobody waits for it. What it makes then is known to nobody, and it touches nothing else.
func newKey(ctx context.Context) (*rsa.PrivateKey, error) {
	type outcome struct {
		key *rsa.PrivateKey
		err error
	}
	made := make(chan outcome, 1)
	go func() {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		made <- outcome{key, err}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case result := <-made:
		if result.err != nil {
			return nil, fmt.Errorf("make the cluster's key: %w", result.err)
		}
		return result.key, nil
	}
}

// publicKey is what the hub gets to see of a key: base64 of the DER of a PKCS#1 public key.
func publicKey(key *rsa.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
}

func encodeKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// readKey returns the onboarding key that lies in the cluster, nil when there is none.
func (k *Cluster) readKey(ctx context.Context) (*rsa.PrivateKey, error) {
	secret, err := k.api.CoreV1().Secrets(fairlead.AgentNamespace).Get(ctx, fairlead.OnboardingKeySecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // no key is a state, not a failure
	}
	if err != nil {
		return nil, fmt.Errorf("read the cluster's key: %w", err)
	}
	block, _ := pem.Decode(secret.Data[fairlead.OnboardingKeyField])
	if block == nil {
		return nil, nil //nolint:nilnil // a damaged key is no key
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a damaged key is no key
	}
	return key, nil
}

// writeKey puts the onboarding key where the agents look for it, marked so that Helm adopts it.
func (k *Cluster) writeKey(ctx context.Context, key *rsa.PrivateKey) error {
	secrets := k.api.CoreV1().Secrets(fairlead.AgentNamespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: fairlead.OnboardingKeySecret, Labels: adoptLabels(), Annotations: adoptAnnotations()},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{fairlead.OnboardingKeyField: encodeKey(key)},
	}
	_, err := secrets.Create(ctx, secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("put the cluster's key into Secret %s/%s: %w", fairlead.AgentNamespace, fairlead.OnboardingKeySecret, err)
	}
	return nil
}

func adoptLabels() map[string]string {
	return map[string]string{"app.kubernetes.io/managed-by": "Helm"}
}

func adoptAnnotations() map[string]string {
	return map[string]string{
		"meta.helm.sh/release-name": fairlead.ReleaseName, "meta.helm.sh/release-namespace": fairlead.ReleaseNamespace,
	}
}
