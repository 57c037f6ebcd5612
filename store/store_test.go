package store_test

import (
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func open(t *testing.T, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOpenRefusesOtherDatabases(t *testing.T) {
	for _, dsn := range []string{"", "sqlite", "sqlite:", "mysql://host/db", "postgres://%zz:secret@host/db"} {
		db, err := store.Open(t.Context(), dsn)
		if err == nil {
			_ = db.Close()
		}
		if fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("%q: %v, want an Invalid error", dsn, err)
		}
	}
}

func TestStateSurvivesReopening(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "a b?c#d.db")
	first := open(t, dsn)
	if _, err := first.PutResource(t.Context(), store.Resource{Key: "/a", Body: []byte(`{}`)}, store.AnyState); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	stored, err := open(t, dsn).GetResource(t.Context(), "/a")
	if err != nil || stored.ETag == "" {
		t.Errorf("%+v, %v", stored, err)
	}
}
