package authority

import (
	"context"
	"fmt"

	"github.com/fairlead/fairlead"
)

// Secrets is where sealed secrets are kept; store.DB is one.
type Secrets interface {
	GetSecret(ctx context.Context, name string) ([]byte, error)
	PutSecret(ctx context.Context, name string, value []byte) error
	ReplaceSecret(ctx context.Context, name string, value []byte) error
}

// Vault keeps secrets, sealed, in a store.
type Vault struct {
	Box   *Box
	Store Secrets
}

// Get returns a secret; there being none is a NotFound error.
func (v *Vault) Get(ctx context.Context, name string) ([]byte, error) {
	sealed, err := v.Store.GetSecret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("get secret %q: %w", name, err)
	}
	return v.Box.Open(name, sealed)
}

// Replace keeps a secret that is already there under another value.
func (v *Vault) Replace(ctx context.Context, name string, secret []byte) error {
	if err := v.Store.ReplaceSecret(ctx, name, v.Box.Seal(name, secret)); err != nil {
		return fmt.Errorf("replace secret %q: %w", name, err)
	}
	return nil
}

// GetOrCreate returns a secret, which it makes when there is none. Of several that create it at
// once, all get the one that was stored first.
func (v *Vault) GetOrCreate(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error) {
	secret, err := v.Get(ctx, name)
	if fairlead.KindOf(err) != fairlead.NotFound {
		return secret, err
	}
	secret, err = create()
	if err != nil {
		return nil, fmt.Errorf("make secret %q: %w", name, err)
	}
	err = v.Store.PutSecret(ctx, name, v.Box.Seal(name, secret))
	if err != nil && fairlead.KindOf(err) != fairlead.Conflict {
		return nil, fmt.Errorf("put secret %q: %w", name, err)
	}
	return v.Get(ctx, name)
}
