package token

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead/hub/authority"
)

const (
	keysSecret = "token/keys"
	// How often the keys are read again and, when due, rotated. It is far below
	// publishAhead: when two replicas rotate at once the last one wins, and the other has read its
	// keys long before they sign.
	keysInterval = 15 * time.Minute
)

// Keys are the keys that sign access tokens, sealed in the vault. Each signs for 30 days and is
// published from a day before until the last token that it signed has died.
type Keys struct {
	Vault *authority.Vault
	Now   func() time.Time
	Log   *slog.Logger

	ring atomic.Pointer[ring]
}

// Load reads the keys, and makes or rotates them when that is due.
func (k *Keys) Load(ctx context.Context) error {
	text, err := k.Vault.GetOrCreate(ctx, keysSecret, k.first)
	if err != nil {
		return err
	}
	stored, err := parseRing(text)
	if err != nil {
		return err
	}
	rotated, err := stored.rotated(k.Now())
	if err != nil {
		return err
	}
	if !same(stored, rotated) {
		if err := k.save(ctx, rotated); err != nil {
			return err
		}
	}
	k.ring.Store(&rotated)
	return nil
}

// Run rotates the keys until ctx ends.
func (k *Keys) Run(ctx context.Context) error {
	ticker := time.NewTicker(keysInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := k.Load(ctx); err != nil && ctx.Err() == nil {
				k.Log.ErrorContext(ctx, "the token signing keys could not be read or rotated; trying again", slog.Any("err", err))
			}
		}
	}
}

// Public returns the published keys.
func (k *Keys) Public() jose.JSONWebKeySet { return k.current().public() }

func (k *Keys) current() ring {
	if loaded := k.ring.Load(); loaded != nil {
		return *loaded
	}
	return nil
}

func (k *Keys) first() ([]byte, error) {
	made, err := ring{}.rotated(k.Now())
	if err != nil {
		return nil, err
	}
	return encodeRing(made)
}

func (k *Keys) save(ctx context.Context, rotated ring) error {
	text, err := encodeRing(rotated)
	if err != nil {
		return err
	}
	if err := k.Vault.Replace(ctx, keysSecret, text); err != nil {
		return err
	}
	k.Log.InfoContext(ctx, "token signing keys rotated", slog.Int("published", len(rotated)),
		slog.Time("newest_signs_from", rotated[len(rotated)-1].UseFrom))
	return nil
}

func encodeRing(keys ring) ([]byte, error) {
	text, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("write signing keys: %w", err)
	}
	return text, nil
}

func same(a, b ring) bool {
	return len(a) == len(b) && a[0].JWK.KeyID == b[0].JWK.KeyID && a[len(a)-1].JWK.KeyID == b[len(b)-1].JWK.KeyID
}
