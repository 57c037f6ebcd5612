package aadproxy

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// An unknown key makes the keys be fetched again, but not at anybody's pace.
	keysPause = 3 * time.Second
	// The hub publishes a key a day before it signs with it; this is to find out in peace, and to follow its clock.
	keysAge = 30 * time.Minute
	maxKeys = 50
)

// keys are the hub's, which sign statements. They come over this agent's own connection to the hub, never over a tunnel.
type keys struct {
	fetch  func(ctx context.Context, path string) ([]byte, error)
	tenant string
	now    func() time.Time

	refreshing sync.Mutex // held by whoever fetches; the others wait for the same answer

	mu     sync.RWMutex
	set    map[string]*rsa.PublicKey
	issuer string
	tried  time.Time
	err    error
}

// get returns a key by its id, which may take a request to the hub.
func (k *keys) get(ctx context.Context, id string) (*rsa.PublicKey, error) {
	if key := k.known(id); key != nil {
		return key, nil
	}
	err := k.refresh(ctx)
	if key := k.known(id); key != nil {
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the hub's keys cannot be had: %w", err)
	}
	return nil, errors.New("its signing key is not the hub's")
}

func (k *keys) known(id string) *rsa.PublicKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.set[id]
}

func (k *keys) issuerName() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.issuer
}

// refresh fetches the keys unless that was just tried.
func (k *keys) refresh(ctx context.Context) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	k.mu.RLock()
	last, err := k.tried, k.err
	k.mu.RUnlock()
	if since := k.now().Sub(last); since >= 0 && since < keysPause {
		return err
	}
	issuer, set, err := k.load(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.err = k.now(), err
	if err == nil {
		k.issuer, k.set = issuer, set
	}
	return err
}

func (k *keys) load(ctx context.Context) (string, map[string]*rsa.PublicKey, error) {
	text, err := k.fetch(ctx, "/"+k.tenant+"/v2.0/.well-known/openid-configuration")
	if err != nil {
		return "", nil, err
	}
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(text, &document); err != nil || document.Issuer == "" {
		return "", nil, errors.New("the hub does not say who it is")
	}
	text, err = k.fetch(ctx, "/"+k.tenant+"/discovery/v2.0/keys")
	if err != nil {
		return "", nil, err
	}
	set, err := parseKeys(text)
	return document.Issuer, set, err
}

func parseKeys(text []byte) (map[string]*rsa.PublicKey, error) {
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(text, &published); err != nil {
		return nil, errors.New("the hub's keys cannot be read")
	}
	found := map[string]*rsa.PublicKey{}
	for _, one := range published.Keys[:min(len(published.Keys), maxKeys)] {
		if key, ok := one.Key.(*rsa.PublicKey); ok && one.KeyID != "" && one.Use != "enc" {
			found[one.KeyID] = key
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the hub publishes no keys")
	}
	return found, nil
}
