package maker

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/fluxconfig/plan"
	"github.com/fairlead/fairlead/agent/kube"
)

// keyBits are those of a key that is made here. Every provider takes RSA, some nothing else.
const keyBits = 3072

// ssh is how a repository is read over ssh: by the key that was given, else by the one that was made here before, else by a new
// one. Nil when the source is none of that kind.
func (c *Controller) ssh(ctx context.Context, wanted plan.Configuration) (*plan.SSH, error) {
	if !plan.NeedsSSH(wanted.Spec) {
		return nil, nil
	}
	hosts, err := plan.KnownHosts(wanted.Spec.GitRepository)
	if err != nil {
		return nil, err
	}
	private := []byte(wanted.Settings[fairlead.FluxSSHPrivateKey])
	if len(private) == 0 {
		if private, err = c.ownKey(ctx, wanted); err != nil {
			return nil, err
		}
	}
	public, err := plan.PublicOf(private)
	if err != nil {
		return nil, err
	}
	return &plan.SSH{Private: private, Public: public, KnownHosts: hosts}, nil
}

func (c *Controller) ownKey(ctx context.Context, wanted plan.Configuration) ([]byte, error) {
	var secret corev1.Secret
	err := c.Kube.Get(ctx, kube.Secrets(wanted.Spec.Namespace), fluxconfig.AuthSecret(wanted.Name), &secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("look for the ssh key of the repository: %w", err)
	}
	if old := secret.Data[plan.KeyIdentity]; len(old) > 0 && secret.Labels[fluxconfig.LabelName] == wanted.Name {
		return old, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make an ssh key for the repository: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
}
