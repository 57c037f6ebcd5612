// Package backup puts all that a hub is into one file, also while the hub runs, and makes a data folder
// of such a file again: verified before anything is touched, and all of it or nothing. It knows files
// and their contents; keeping hubs out of the folder meanwhile is its caller's part.
package backup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/store"
)

// The files of a data folder that make a hub what it is. All others can be made anew.
const (
	Database  = "hub.db"
	MasterKey = "master.key"
)

// Backup says what to back up and where to. Data is the data folder, Output the file to make.
type Backup struct {
	Data, Output string
	// Recipients, when there are any, are the only ones who can read the file.
	Recipients []Recipient
	// Key says whether the master key goes into the file. Without it the file is of no use to a thief,
	// and of no use to anybody else who has lost the key.
	Key KeyPolicy
	// Existing says what to do with a file that is there already.
	Existing Existing
	Now      func() time.Time
}

// KeyPolicy says whether a backup holds the master key.
type KeyPolicy int

// The policies.
const (
	WithKey KeyPolicy = iota
	WithoutKey
)

// Existing says what to do with what is there already.
type Existing int

// The two ways.
const (
	Refuse Existing = iota
	Replace
)

// Create makes the file, readable by its owner alone. It is there whole or not at all.
func (b Backup) Create(ctx context.Context) (Manifest, error) {
	if err := b.check(); err != nil {
		return Manifest{}, err
	}
	staging, err := os.MkdirTemp(filepath.Dir(b.Output), ".fairlead-backup-*")
	if err != nil {
		return Manifest{}, fmt.Errorf("make a folder beside %s: %w", b.Output, err)
	}
	defer func() { _ = os.RemoveAll(staging) }() // what stays is for its owner alone
	if err := b.collect(ctx, staging); err != nil {
		return Manifest{}, err
	}
	made, err := describe(staging, b.Now())
	if err != nil {
		return Manifest{}, err
	}
	return made, place(b.Output, b.Existing, func(to io.Writer) error {
		return sealed(to, b.Recipients, func(to io.Writer) error { return pack(to, staging, made) })
	})
}

func (b Backup) check() error {
	if _, err := os.Stat(filepath.Join(b.Data, Database)); err != nil {
		return fairlead.Errorf(fairlead.NotFound, "there is no hub in %s: name its data folder with --data: %w", b.Data, err)
	}
	if _, err := os.Lstat(b.Output); err == nil && b.Existing == Refuse {
		return exists(b.Output)
	}
	return nil
}

func exists(name string) error {
	return fairlead.Errorf(fairlead.Conflict, "%s is there already: choose another name, or replace it with --force", name)
}

// collect copies what goes into the file, and makes sure that a hub can be made of it.
func (b Backup) collect(ctx context.Context, staging string) error {
	live, err := store.OpenReadOnly(ctx, filepath.Join(b.Data, Database))
	if err != nil {
		return err
	}
	err = live.CopyTo(ctx, filepath.Join(staging, Database))
	_ = live.Close() // was only read
	if err != nil {
		return err
	}
	keyFile := filepath.Join(b.Data, MasterKey)
	if err := verify(ctx, filepath.Join(staging, Database), keyFile); err != nil {
		return fmt.Errorf("what would be backed up is no good: %w", err)
	}
	if b.Key == WithoutKey {
		return nil
	}
	return copyFile(keyFile, filepath.Join(staging, MasterKey))
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from) //nolint:gosec // a file of the data folder that the administrator names
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(from), err)
	}
	return authority.WriteFile(to, content, 0o600)
}

// verify checks that the database is sound, not newer than this program, and opened by the key.
func verify(ctx context.Context, database, keyFile string) error {
	key, err := authority.ReadMasterKey(keyFile)
	if err != nil {
		return err
	}
	box, err := authority.NewBox(key)
	if err != nil {
		return err
	}
	db, err := store.OpenReadOnly(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // was only read
	if err := db.Check(ctx); err != nil {
		return err
	}
	_, err = (&authority.Vault{Box: box, Store: db}).Get(ctx, authority.ServerSecret)
	return err
}
