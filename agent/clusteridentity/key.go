package clusteridentity

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
)

// onboardingKey is the key of Secret azure-arc-connect-privatekey, as far as it is there.
type onboardingKey struct {
	mu          sync.Mutex
	signer      *rsa.PrivateKey
	fingerprint string
	err         error
	changed     chan struct{}
}

func (k *onboardingKey) get() (crypto.Signer, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signer == nil && k.err == nil {
		return nil, "", fairlead.Errorf(fairlead.Unavailable, "looking for Secret %s", fairlead.OnboardingKeySecret)
	}
	return k.signer, k.fingerprint, k.err
}

func (k *onboardingKey) set(signer *rsa.PrivateKey, fingerprint string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	same := signer != nil && k.signer != nil && fingerprint == k.fingerprint
	k.signer, k.fingerprint, k.err = signer, fingerprint, err
	if same {
		return
	}
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (o *Operator) watchKey(ctx context.Context) error {
	watcher := kube.Watcher[corev1.Secret, *corev1.Secret]{
		Client: o.Kube, What: kube.Secrets(o.Namespace).Named(fairlead.OnboardingKeySecret), Log: o.Log,
		Changed: func(_ context.Context, all map[string]*corev1.Secret) { o.key.set(readKey(all)) },
	}
	return watcher.Run(ctx)
}

func readKey(all map[string]*corev1.Secret) (*rsa.PrivateKey, string, error) {
	secret, ok := all[fairlead.OnboardingKeySecret]
	if !ok {
		return nil, "", fairlead.Errorf(fairlead.NotFound, "waiting for Secret %s", fairlead.OnboardingKeySecret)
	}
	key, err := parseKey(secret.Data[fairlead.OnboardingKeyField])
	if err != nil {
		return nil, "", err
	}
	fingerprint, err := identity.Fingerprint(&key.PublicKey)
	return key, fingerprint, err
}

// parseKey reads PKCS#1 or PKCS#8. Its errors never hold any of the text.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	unreadable := errors.New("there is no RSA key in Secret " + fairlead.OnboardingKeySecret)
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, unreadable
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, unreadable
	}
	return key, nil
}
