package token

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// What every consumer of Entra's tokens expects, the API server's default included.
	algorithm = jose.RS256
	keyBits   = 2048

	keyLife = 30 * 24 * time.Hour
	// How long a key is published before it signs, so that whoever caches the key
	// set, other replicas included, knows it in time.
	publishAhead = 24 * time.Hour
	// How long a key is published after its last signature: until the last token
	// that it signed is dead, and then some.
	keepAfter = tokenLife + time.Hour
)

// key signs tokens from UseFrom until the next key does.
type key struct {
	JWK     jose.JSONWebKey `json:"jwk"`
	UseFrom time.Time       `json:"useFrom"`
}

func newKey(useFrom time.Time) (key, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return key{}, fmt.Errorf("generate signing key: %w", err)
	}
	id := strings.ToLower(rand.Text())
	return key{
		JWK:     jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(algorithm), Use: "sig"},
		UseFrom: useFrom.UTC(),
	}, nil
}

// ring is the published keys in the order in which they sign.
type ring []key

// rotated returns the ring as it should be now: with a key that signs, its successor when the
// time comes to publish it, and without those that nobody needs any more.
func (r ring) rotated(now time.Time) (ring, error) {
	next := slices.Clone(r)
	if due, from := r.due(now); due {
		made, err := newKey(from)
		if err != nil {
			return nil, err
		}
		next = append(next, made)
	}
	for len(next) > 1 && !now.Before(next[1].UseFrom.Add(keepAfter)) {
		next = next[1:]
	}
	return next, nil
}

// due says whether a new key must be made, and from when on that one signs.
func (r ring) due(now time.Time) (bool, time.Time) {
	if len(r) == 0 {
		return true, now
	}
	from := r[len(r)-1].UseFrom.Add(keyLife)
	if now.Before(from.Add(-publishAhead)) {
		return false, time.Time{}
	}
	if earliest := now.Add(publishAhead); from.Before(earliest) {
		from = earliest
	}
	return true, from
}

// signing returns the key that signs now.
func (r ring) signing(now time.Time) (key, error) {
	for _, candidate := range slices.Backward(r) {
		if !candidate.UseFrom.After(now) {
			return candidate, nil
		}
	}
	if len(r) > 0 { // the clock was set back
		return r[0], nil
	}
	return key{}, fmt.Errorf("there is no signing key")
}

func (r ring) find(id string) (jose.JSONWebKey, bool) {
	for _, candidate := range r {
		if candidate.JWK.KeyID == id {
			return candidate.JWK.Public(), true
		}
	}
	return jose.JSONWebKey{}, false
}

func (r ring) public() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(r))}
	for _, one := range r {
		set.Keys = append(set.Keys, one.JWK.Public())
	}
	return set
}

func parseRing(text []byte) (ring, error) {
	var found ring
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	return found, nil
}
