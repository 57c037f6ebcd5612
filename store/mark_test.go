package store_test

import (
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/store"
)

func TestAMarkChangesWithEachWrite(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	const key = "/subscriptions/s"
	last, certain := db.Mark(key)
	if !certain {
		t.Error("nobody else writes to SQLite, so a mark must be certain")
	}
	put := func() error {
		_, err := db.PutResource(t.Context(), store.Resource{Key: key, ID: key, Body: []byte(`{}`)}, store.AnyState)
		return err
	}
	steps := map[string]func() error{
		"put": put, "put again": put,
		"delete": func() error { return db.DeleteResource(t.Context(), key, store.AnyState) },
	}
	for _, name := range []string{"put", "put again", "delete"} {
		if err := steps[name](); err != nil {
			t.Fatal(err)
		}
		now, _ := db.Mark(key)
		if now == last {
			t.Errorf("after %s the mark is the same", name)
		}
		last = now
	}
	if _, err := db.GetResource(t.Context(), key); err == nil {
		t.Error("the resource is still there")
	}
	if now, _ := db.Mark(key); now != last {
		t.Error("reading has changed the mark")
	}
}
