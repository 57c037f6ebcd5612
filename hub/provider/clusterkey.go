package provider

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

const (
	keyPath    = "properties.agentPublicKeyCertificate"
	minKeyBits = 2048
	maxKeyBits = 8192
	maxKeyText = 4096
	maxShared  = 100 // so many clusters with one key are looked at
)

// checkKey demands a sound onboarding key, and that a cluster which has connected keeps its own:
// with another, somebody else could take its identity over.
func (c clusters) checkKey(ctx context.Context, change *resource.Change) error {
	sent, before := change.New.Text(keyPath), ""
	if change.Old != nil {
		before = change.Old.Text(keyPath)
	}
	if sent == "" && before != "" {
		change.New.Set(keyPath, before)
		return nil
	}
	if sent == before && sent != "" {
		return nil
	}
	if _, err := publicKey(sent); err != nil {
		return err
	}
	if before != "" && c.hasConnected(change.ID.Key()) {
		return fairlead.Errorf(fairlead.Conflict, "The connected cluster '%s' has been connected with another agent public key. "+
			"Delete it before connecting a cluster under its name.", change.ID.Name())
	}
	return c.refuseShared(ctx, change)
}

// keySubject is under what a connected cluster is found by its key, whatever its base64 looks like. It is
// empty for a text that is no key.
func keySubject(document resource.Document) string {
	key, err := publicKey(document.Text(keyPath))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(key))
	return "agent-key:" + hex.EncodeToString(sum[:])
}

// refuseShared refuses a key with which another cluster has connected: with it, each could speak for the other. Before a
// cluster has come with its key there is nothing to speak for.
func (c clusters) refuseShared(ctx context.Context, change *resource.Change) error {
	found, err := c.Store.ListResources(ctx, store.Query{Subject: keySubject(change.New), Limit: maxShared})
	if err != nil {
		return err
	}
	for _, other := range found {
		if other.Key != change.ID.Key() && c.hasConnected(other.Key) {
			return fairlead.Errorf(fairlead.Conflict, "The agent public key is that of another connected cluster. "+
				"Each cluster needs a key of its own: make a new one, or delete the cluster that has this one.").WithCode("KeyInUse")
		}
	}
	return nil
}

func (c clusters) hasConnected(key string) bool {
	view := c.Presence.View(key)
	return !view.LastSeen.IsZero() || !view.CertificateNotAfter.IsZero()
}

// publicKey reads base64 of a DER PKCS#1 RSA public key of a sensible size.
func publicKey(text string) (*rsa.PublicKey, error) {
	if text == "" {
		return nil, badKey("is required")
	}
	if len(text) > maxKeyText {
		return nil, badKey("is too long")
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, badKey("is not base64")
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil, badKey("is not a PKCS#1 RSA public key in DER")
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, badKey("must have between 2048 and 8192 bits")
	}
	return key, nil
}

func badKey(problem string) error {
	return fairlead.Errorf(fairlead.Invalid, "The property 'agentPublicKeyCertificate' %s.", problem).WithCode("InvalidRequestContent")
}
