package authority

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"

	"github.com/fairlead/fairlead"
)

// Trust states whom agents are to trust from now on: the hub's own authorities, and others that an administrator's
// certificate needs. Each of the own ones signs the statement, so that an agent which trusts any of them can take
// it, and nothing on the way can make one up.
func (a *Authority) Trust(others []byte) (*fairlead.HubTrust, error) {
	now := a.state.Load()
	stated := &fairlead.HubTrust{
		Certificates: string(append(now.serverPEM(), others...)), Generation: now.generation, IssuedAt: a.now().UTC(),
	}
	digest := sha256.Sum256(stated.Signed())
	for _, one := range now.servers {
		signature, err := one.key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("sign whom agents are to trust: %w", err)
		}
		stated.Signatures = append(stated.Signatures, signature)
	}
	return stated, nil
}

// Described is one authority for people.
type Described struct {
	Certificate *x509.Certificate
	Fingerprint string
	Signs       bool
}

// Describe lists the authorities of the hub's own TLS.
func (a *Authority) Describe() []Described {
	now := a.state.Load()
	all := make([]Described, len(now.servers))
	for at, one := range now.servers {
		all[at] = Described{one.certificate, fingerprint(one.certificate), at == now.servingAt}
	}
	return all
}
