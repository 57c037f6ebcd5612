package profile

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	lockFile = "lock"
	// Whoever holds the lock asks the hub one question, which takes no longer.
	lockPatience = time.Minute
	lockInterval = 50 * time.Millisecond
)

// Exclusive runs fn while no other process of this user does.
func (p *Profile) Exclusive(fn func() error) error {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the settings cannot be written: %w", err)
	}
	lock := flock.New(filepath.Join(p.Dir, lockFile), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		return fairlead.Errorf(fairlead.Unavailable, "another fairlead holds %s: end it, or try again: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // the end of the process does it as well
	return fn()
}

// KeepSecret remembers another secret for a hub that is signed in to.
func (p *Profile) KeepSecret(url string, secret client.Secret) error {
	secrets, err := p.secrets()
	if err != nil {
		return err
	}
	secrets[url] = secret.Reveal()
	return p.write(credentialsFile, secrets)
}
