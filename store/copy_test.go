package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func put(t *testing.T, db *store.DB, key string) store.Resource {
	t.Helper()
	stored, err := db.PutResource(t.Context(), store.Resource{Key: key, Body: []byte(`{}`)}, store.AnyState)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func readOnly(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestCopyOfADatabaseInUse(t *testing.T) {
	path, copied := filepath.Join(t.TempDir(), "hub.db"), filepath.Join(t.TempDir(), "copy.db")
	live := open(t, "sqlite:"+path)
	put(t, live, "/before")
	second := readOnly(t, path)
	if err := second.CopyTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	put(t, live, "/after")
	if err := second.CopyTo(t.Context(), copied); err == nil {
		t.Error("a copy was written over another one")
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode: %v, %v", info.Mode(), err)
	}
	made := readOnly(t, copied)
	if err := made.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := made.GetResource(t.Context(), "/before"); err != nil {
		t.Error(err)
	}
	if _, err := made.GetResource(t.Context(), "/after"); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("a later write is in the copy: %v", err)
	}
	if _, err := second.PutResource(t.Context(), store.Resource{Key: "/x", Body: []byte(`{}`)}, store.AnyState); err == nil {
		t.Error("a database opened for reading was written")
	}
}

func TestReadingLeavesAStoppedDatabaseAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	live := open(t, "sqlite:"+path)
	put(t, live, "/before")
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	second := readOnly(t, path)
	if _, err := second.GetResource(t.Context(), "/before"); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	live := open(t, "sqlite:"+path)
	for _, name := range []string{"/a", "/b", "/c"} {
		if _, err := live.PutResource(t.Context(), store.Resource{Key: name, Body: []byte(`{"x":"` + strings.Repeat("x", 20_000) + `"}`)}, store.AnyState); err != nil {
			t.Fatal(err)
		}
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(content[8192:12288])
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := readOnly(t, path).Check(t.Context()); err == nil {
		t.Error("a page of zeros was not noticed")
	}
}

// A client's etag from after the backup must not match a document written after the restore.
func TestRevisionsAdvance(t *testing.T) {
	db := open(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	before, now := put(t, db, "/a"), time.Now()
	for range 2 {
		if err := db.Advance(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	after := put(t, db, "/a")
	if after.Revision <= now.UnixMicro() || after.ETag == before.ETag {
		t.Errorf("revision %d then %d", before.Revision, after.Revision)
	}
	if err := db.Advance(t.Context(), now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if last := put(t, db, "/a"); last.Revision <= after.Revision {
		t.Errorf("a clock set back took revisions back: %d then %d", after.Revision, last.Revision)
	}
}
