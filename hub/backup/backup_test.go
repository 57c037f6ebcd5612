package backup_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/backup"
	"github.com/fairlead/fairlead/store"
)

const document = `{"text":"unmistakable"}`

// hubFolder is a data folder with one resource, held open as by a hub that runs.
func hubFolder(t *testing.T) (string, *store.DB) {
	t.Helper()
	folder := t.TempDir()
	key, err := authority.LoadMasterKey(filepath.Join(folder, backup.MasterKey))
	if err != nil {
		t.Fatal(err)
	}
	box, err := authority.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(folder, backup.Database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := authority.Open(t.Context(), &authority.Vault{Box: box, Store: db}, time.Now); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PutResource(t.Context(), store.Resource{Key: "/a", Body: []byte(document)}, store.AnyState); err != nil {
		t.Fatal(err)
	}
	return folder, db
}

func made(t *testing.T, change func(*backup.Backup)) (folder, file string) {
	t.Helper()
	folder, _ = hubFolder(t)
	file = filepath.Join(t.TempDir(), "hub.backup")
	wanted := backup.Backup{Data: folder, Output: file, Now: time.Now}
	if change != nil {
		change(&wanted)
	}
	if _, err := wanted.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return folder, file
}

func written(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func holds(t *testing.T, folder string) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(folder, backup.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	found, err := db.GetResource(t.Context(), "/a")
	if err != nil || string(found.Body) != document {
		t.Errorf("%s, %v", found.Body, err)
	}
}

// kind is one way to make a backup and what it then takes to restore it.
type kind struct {
	reason string
	make   func(*backup.Backup)
	read   func(from string, r *backup.Restore) // nil: it takes nothing
	opaque bool
}

func kinds(t *testing.T) map[string]kind {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	secret := written(t, "correct horse\n")
	knows, err := backup.PassphraseRecipient(secret)
	if err != nil {
		t.Fatal(err)
	}
	knows.(*age.ScryptRecipient).SetWorkFactor(10) // the default takes a second
	knew, err := backup.PassphraseIdentity(secret)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]kind{
		"Plain": {reason: "the least that there is"},
		"Recipient": {
			"only the private key opens it",
			func(b *backup.Backup) { b.Recipients = []backup.Recipient{identity.Recipient()} },
			func(_ string, r *backup.Restore) { r.Identities = []backup.Identity{identity} }, true,
		},
		"Passphrase": {
			"only the passphrase opens it",
			func(b *backup.Backup) { b.Recipients = []backup.Recipient{knows} },
			func(_ string, r *backup.Restore) { r.Identities = []backup.Identity{knew} }, true,
		},
		"WithoutKey": {
			"the key comes from elsewhere",
			func(b *backup.Backup) { b.Key = backup.WithoutKey },
			func(from string, r *backup.Restore) { r.KeyFile = filepath.Join(from, backup.MasterKey) }, false,
		},
	}
}

func TestEveryKindOfBackupIsRestored(t *testing.T) {
	for name, c := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			from, file := made(t, c.make)
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v %v", info.Mode(), err)
			}
			content, err := os.ReadFile(file)
			if err != nil || bytes.HasPrefix(content, []byte("age-encryption.org")) != c.opaque {
				t.Errorf("%s: begins with %.20q, %v", c.reason, content, err)
			}
			to := backup.Restore{Data: t.TempDir(), File: file, Now: time.Now}
			if c.read != nil {
				refused(t, c.reason, to)
				c.read(from, &to)
			}
			if _, err := to.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			holds(t, to.Data)
		})
	}
}

func refused(t *testing.T, reason string, to backup.Restore) {
	t.Helper()
	if _, err := to.Run(t.Context()); err == nil {
		t.Errorf("%s: it was restored without", reason)
	}
	empty(t, to.Data)
}

func empty(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestBackupNeverOverwritesUnasked(t *testing.T) {
	folder, file := made(t, nil)
	again := backup.Backup{Data: folder, Output: file, Now: time.Now}
	if _, err := again.Create(t.Context()); fairlead.KindOf(err) != fairlead.Conflict || !strings.Contains(err.Error(), "--force") {
		t.Errorf("got %v", err)
	}
	again.Existing = backup.Replace
	if _, err := again.Create(t.Context()); err != nil {
		t.Error(err)
	}
	beside, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(beside) != 1 {
		t.Errorf("beside the backup: %v, %v", beside, err)
	}
}

// A backup that cannot be restored must not be made.
func TestBackupRefusesWhatCannotBeRestored(t *testing.T) {
	folder, _ := hubFolder(t)
	if err := os.WriteFile(filepath.Join(folder, backup.MasterKey), []byte(strings.Repeat("00", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "hub.backup")
	if _, err := (backup.Backup{Data: folder, Output: out, Now: time.Now}).Create(t.Context()); err == nil || !strings.Contains(err.Error(), "another master key") {
		t.Errorf("foreign key: %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made")
	}
	if _, err := (backup.Backup{Data: t.TempDir(), Output: out, Now: time.Now}).Create(t.Context()); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("no hub: %v", err)
	}
}

func TestDamageIsFoundBeforeAnythingIsReplaced(t *testing.T) {
	_, file := made(t, nil)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"Cut":     func(all []byte) []byte { return all[:len(all)-20] },
		"Half":    func(all []byte) []byte { return all[:len(all)/2] },
		"Flipped": func(all []byte) []byte { all[len(all)/2] ^= 1; return all },
		"Empty":   func([]byte) []byte { return nil },
		"Other":   func([]byte) []byte { return []byte("something else") },
	} {
		t.Run(name, func(t *testing.T) {
			folder, db := hubFolder(t)
			_ = db.Close()
			damaged := written(t, string(change(bytes.Clone(content))))
			_, err := backup.Restore{Data: folder, File: damaged, Existing: backup.Replace, Now: time.Now}.Run(t.Context())
			if err == nil {
				t.Error("a damaged backup was restored")
			}
			holds(t, folder)
			if left, _ := filepath.Glob(filepath.Join(folder, "*restore*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestRestoreKeepsWhatWasThere(t *testing.T) {
	_, file := made(t, nil)
	used, db := hubFolder(t)
	_ = db.Close()
	to := backup.Restore{Data: used, File: file, Now: time.Now}
	if _, err := to.Run(t.Context()); fairlead.KindOf(err) != fairlead.Conflict {
		t.Errorf("a used folder: %v", err)
	}
	before, err := os.ReadFile(filepath.Join(used, backup.MasterKey))
	if err != nil {
		t.Fatal(err)
	}
	to.Existing = backup.Replace
	restored, err := to.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(restored.Former, backup.MasterKey))
	if err != nil || !bytes.Equal(kept, before) {
		t.Errorf("the former key: %v", err)
	}
	holds(t, used)
	holds(t, restored.Former)
}

// A machine that dies in the middle of a restore has either hub whole after the next start, never a mixture.
func TestInterruptedRestoreIsFinished(t *testing.T) {
	const wal = backup.Database + "-wal"
	for name, already := range map[string]func(ready, used string) error{
		"AtOnce": func(string, string) error { return nil },
		"AfterTheKey": func(ready, used string) error {
			return os.Rename(filepath.Join(ready, backup.MasterKey), filepath.Join(used, backup.MasterKey))
		},
		"AfterTheDatabase": func(ready, used string) error {
			return errors.Join(os.Rename(filepath.Join(ready, backup.MasterKey), filepath.Join(used, backup.MasterKey)),
				os.Remove(filepath.Join(used, wal)), os.Rename(filepath.Join(ready, backup.Database), filepath.Join(used, backup.Database)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			used, key := decided(t)
			if err := os.WriteFile(filepath.Join(used, wal), []byte("of the hub before"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := already(filepath.Join(used, "restore-ready"), used); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(backup.Finish(used), backup.Finish(used)); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(used, backup.MasterKey)); err != nil || !bytes.Equal(got, key) {
				t.Errorf("not the restored key, %v", err)
			}
			if fileExists(filepath.Join(used, wal)) || fileExists(filepath.Join(used, "restore-ready")) {
				t.Error("the log of the former database is still there, or the restore")
			}
			holds(t, used)
		})
	}
}

// decided is a used folder in which the restore of another hub was decided, and that hub's key.
func decided(t *testing.T) (folder string, key []byte) {
	t.Helper()
	from, next := hubFolder(t)
	used, former := hubFolder(t)
	key, err := os.ReadFile(filepath.Join(from, backup.MasterKey))
	if err := errors.Join(err, next.Close(), former.Close(), os.Rename(from, filepath.Join(used, "restore-ready"))); err != nil {
		t.Fatal(err)
	}
	return used, key
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestWhatDoesNotOpenABackupIsNamed(t *testing.T) {
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	guess, err := backup.PassphraseIdentity(written(t, "wrong horse\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind string
		with backup.Identity
		want string
	}{
		{"Passphrase", guess, "the passphrase is wrong"},
		{"Passphrase", stranger, "--passphrase-file FILE"},
		{"Recipient", guess, "--identity FILE"},
		{"Recipient", stranger, "for another key"},
	} {
		_, file := made(t, kinds(t)[c.kind].make)
		_, err := backup.Restore{Data: t.TempDir(), File: file, Identities: []backup.Identity{c.with}, Now: time.Now}.Run(t.Context())
		if fairlead.KindOf(err) != fairlead.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.kind, err, c.want)
		}
	}
}

func TestRecipientsAreChecked(t *testing.T) {
	for _, text := range []string{"", "age1", "ssh", "AGE-SECRET-KEY-1", strings.Repeat("x", 200)} {
		if _, err := backup.ParseRecipient(text); fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := backup.PassphraseRecipient(written(t, "\nsecond line")); fairlead.KindOf(err) != fairlead.Invalid {
		t.Errorf("no passphrase: %v", err)
	}
	if _, err := backup.Identities(written(t, "s3cret text")); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("no key, or shown: %v", err)
	}
}
