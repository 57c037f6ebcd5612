package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"time"

	"github.com/fairlead/fairlead/store"
)

// secretPrefix lets scanners of repositories and logs recognise a leaked secret.
const secretPrefix = "fls_"

// Secret is what a service principal signs in with. Logs show only that there is one.
type Secret string

// LogValue redacts the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("redacted") }

// NewSecret returns a new secret of 256 random bits or more.
func NewSecret() Secret { return Secret(secretPrefix + rand.Text() + rand.Text()) }

// Hash returns what may be stored of a secret. Secrets are random and long, never chosen by
// people: there is nothing to guess from a plain SHA-256, and a slow hash would only make sign-in a
// cheap way to keep the hub busy.
func (s Secret) Hash() []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// matches compares with every credential, in a time that does not depend on which one it is.
func (s Secret) matches(credentials []store.Credential, now time.Time) (right, expired bool) {
	hash := s.Hash()
	for _, credential := range credentials {
		if subtle.ConstantTimeCompare(hash, credential.Hash) != 1 {
			continue
		}
		if !credential.NotAfter.IsZero() && now.After(credential.NotAfter) {
			expired = true
			continue
		}
		right = true
	}
	return right, expired
}
