package arcproxy

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	popBits = 2048
	// A life is how long a key is handed out; the token that is bound to one outlives it until az brings the next.
	popLife = 12 * time.Hour
	// The freshness is how long one signature serves: a hub takes it for five minutes.
	popFresh = time.Minute
)

// signer proves to the hub that az's token was given to this process, by a key that never leaves it.
type signer struct {
	now func() time.Time

	mutex   sync.Mutex
	current *popKey // whose id is handed out
	bound   *popKey // whose token there is
	token   string
	signed  string
	host    string
	at      time.Time
}

type popKey struct {
	key  *rsa.PrivateKey
	id   string // its thumbprint
	made time.Time
}

func newPopKey(now time.Time) (*popKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, popBits)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	public := jose.JSONWebKey{Key: &key.PublicKey}
	print, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &popKey{key, base64.RawURLEncoding.EncodeToString(print), now}, nil
}

// keyID returns the id of the key to which az is to have its token bound.
func (s *signer) keyID() (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.current == nil || s.now().Sub(s.current.made) >= popLife {
		made, err := newPopKey(s.now())
		if err != nil {
			return "", err
		}
		s.current = made
	}
	return s.current.id, nil
}

// bind takes a token that is bound to a key, and reports whether that is the key of now.
func (s *signer) bind(keyID, token string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.current == nil || s.current.id != keyID {
		return false
	}
	s.bound, s.token, s.signed = s.current, token, ""
	return true
}

// sign returns what goes after PoP in the header Authorization, as MSAL makes it; nothing when az has brought no token.
func (s *signer) sign(host string) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.bound == nil {
		return "", nil
	}
	if s.signed != "" && s.host == host && s.now().Sub(s.at) < popFresh {
		return s.signed, nil
	}
	options := (&jose.SignerOptions{}).WithType("pop").WithHeader("kid", s.bound.id)
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.bound.key}, options)
	if err != nil {
		return "", fmt.Errorf("prepare to sign: %w", err)
	}
	signed, err := jwt.Signed(made).Claims(map[string]any{
		"at": s.token, "ts": s.now().Unix(), "u": host, "nonce": rand.Text(), "cnf": map[string]any{"jwk": jose.JSONWebKey{Key: &s.bound.key.PublicKey}},
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	s.signed, s.host, s.at = signed, host, s.now()
	return signed, nil
}
