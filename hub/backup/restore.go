package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/store"
)

// Names in a data folder that belong to a restore. Once ready is there, the restore has happened; what is
// left of it is done by Finish.
const (
	staging = ".restore-"
	ready   = "restore-ready"
	former  = "before-restore-"
	// Where the database says of which time it is.
	restoredSecret = "hub/restored"
)

// Restore says what to make a data folder of. The caller keeps hubs out of Data until it is over.
type Restore struct {
	Data, File string
	// Identities open an encrypted backup. KeyFile is the master key for a backup that holds none.
	Identities []Identity
	KeyFile    string
	// Existing says what to do with a folder that is in use: Replace keeps what was there in a folder
	// beside it.
	Existing Existing
	Now      func() time.Time
}

// Restored is what Run did. Former is the folder that holds what was there before, if anything was.
type Restored struct {
	Manifest

	Former string
}

// Run verifies the backup and then makes the data folder of it. On an error the folder is as it was.
func (r Restore) Run(ctx context.Context) (Restored, error) {
	if err := Finish(r.Data); err != nil {
		return Restored{}, err
	}
	if err := errors.Join(removeAbandoned(r.Data), r.refuseUsed()); err != nil {
		return Restored{}, err
	}
	folder, err := os.MkdirTemp(r.Data, staging+"*")
	if err != nil {
		return Restored{}, fmt.Errorf("make a folder in %s: %w", r.Data, err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // gone already when all went well
	found, err := r.prepare(ctx, folder)
	if err != nil {
		return Restored{}, err
	}
	if err := os.Rename(folder, filepath.Join(r.Data, ready)); err != nil {
		return Restored{}, fmt.Errorf("put the restored hub in place: %w", err)
	}
	kept, err := finish(r.Data, former+r.Now().UTC().Format("20060102T150405Z"))
	return Restored{Manifest: found, Former: kept}, err
}

// removeAbandoned removes what restores left that died before they had decided anything.
func removeAbandoned(data string) error {
	left, err := filepath.Glob(filepath.Join(data, staging+"*"))
	for _, folder := range left {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return err
}

// refuseUsed lets pass a folder that holds nothing of a hub's.
func (r Restore) refuseUsed() error {
	entries, err := os.ReadDir(r.Data)
	if err != nil {
		return fmt.Errorf("look into %s: %w", r.Data, err)
	}
	for _, entry := range entries {
		if entry.Name() == "hub.lock" || r.Existing == Replace {
			continue
		}
		return fairlead.Errorf(fairlead.Conflict, "%s is not empty (it holds %s): restore into another folder with --data, or replace the hub in this one with --force, which keeps what was there in a folder %s…",
			r.Data, entry.Name(), former)
	}
	return nil
}

// prepare unpacks, verifies and completes what will be the hub's files.
func (r Restore) prepare(ctx context.Context, folder string) (Manifest, error) {
	file, err := os.Open(r.File)
	if err != nil {
		return Manifest{}, fmt.Errorf("open the backup: %w", err)
	}
	defer func() { _ = file.Close() }() // was only read
	clear, err := opened(file, r.Identities)
	if err != nil {
		return Manifest{}, err
	}
	found, err := unpack(clear, folder)
	if err != nil {
		return Manifest{}, err
	}
	if err := r.addKey(found, folder); err != nil {
		return Manifest{}, err
	}
	if err := verify(ctx, filepath.Join(folder, Database), filepath.Join(folder, MasterKey)); err != nil {
		return Manifest{}, fmt.Errorf("the backup is no good: %w", err)
	}
	return found, r.moveOn(ctx, found, folder)
}

func (r Restore) addKey(found Manifest, folder string) error {
	switch {
	case found.HasKey():
		return nil
	case r.KeyFile == "":
		return fairlead.Errorf(fairlead.Invalid, "the backup holds no master key: name the file %s of the hub that it is of with --master-key", MasterKey)
	}
	if _, err := authority.ReadMasterKey(r.KeyFile); err != nil {
		return err
	}
	return copyFile(r.KeyFile, filepath.Join(folder, MasterKey))
}

// moveOn brings the database to this version, away from what clients have seen since, and notes its age.
func (r Restore) moveOn(ctx context.Context, found Manifest, folder string) error {
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(folder, Database))
	if err != nil {
		return err
	}
	err = db.Advance(ctx, r.Now())
	if err == nil {
		err = db.ReplaceSecret(ctx, restoredSecret, []byte(found.CreatedAt.Format(time.RFC3339)))
	}
	// The close merges SQLite's log, so that one file is all.
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("prepare the restored database: %w", err)
	}
	return syncFolder(folder)
}

// Finish does what is left of a restore that was interrupted after it had been decided. A hub calls it before
// it looks at its data folder; it does nothing when there is nothing to do.
func Finish(data string) error {
	_, err := finish(data, former+"interrupted")
	return err
}

// finish may be done again after a crash anywhere in it: what was moved into its place is no longer in the
// folder of the restore. The database comes last, after the log of the one before, which would corrupt it.
func finish(data, formerName string) (string, error) {
	from, kept := filepath.Join(data, ready), filepath.Join(data, formerName)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	moved := false
	for _, name := range []string{MasterKey, Database + "-wal", Database + "-shm", Database} {
		aside, err := replace(from, data, kept, name)
		if err != nil {
			return "", fmt.Errorf("put the restored %s in place (start the hub or restore again to go on): %w", name, err)
		}
		moved = moved || aside
	}
	if err := errors.Join(syncFolder(data), os.RemoveAll(from)); err != nil {
		return "", fmt.Errorf("tidy up after the restore: %w", err)
	}
	if !moved {
		return "", nil
	}
	return kept, nil
}

// replace moves one file into its place, and what was there aside. The log of a database goes aside as long
// as the new database has not come.
func replace(from, data, kept, name string) (aside bool, err error) {
	next, place := filepath.Join(from, name), filepath.Join(data, name)
	waits := exist(next) || name != MasterKey && name != Database && exist(filepath.Join(from, Database))
	if !waits {
		return false, nil
	}
	if exist(place) {
		if err := errors.Join(os.MkdirAll(kept, 0o700), os.Rename(place, filepath.Join(kept, name))); err != nil {
			return false, err
		}
		aside = true
	}
	if !exist(next) {
		return aside, nil
	}
	return aside, errors.Join(os.Rename(next, place), syncFolder(data))
}

func exist(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Age returns of which time a restored hub is, the zero time for one that was never restored.
func Age(ctx context.Context, db *store.DB) (time.Time, error) {
	found, err := db.ListSecrets(ctx, restoredSecret)
	if err != nil {
		return time.Time{}, err
	}
	at := slices.IndexFunc(found, func(secret store.Secret) bool { return secret.Name == restoredSecret })
	if at < 0 {
		return time.Time{}, nil
	}
	when, err := time.Parse(time.RFC3339, string(found[at].Value))
	if err != nil {
		return time.Time{}, fmt.Errorf("read when the hub was restored from: %w", err)
	}
	return when, nil
}
