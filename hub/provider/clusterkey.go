package provider

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/resource"
)

const (
	keyPath    = "properties.agentPublicKeyCertificate"
	minKeyBits = 2048
	maxKeyBits = 8192
	maxKeyText = 4096
)

// checkKey demands a sound onboarding key, and that a cluster which has connected keeps its own:
// with another, somebody else could take its identity over.
func (c clusters) checkKey(change *resource.Change) error {
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
