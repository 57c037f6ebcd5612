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

// What was remembered of what belongs to a cluster outlives changes of the cluster, and nothing else.
func TestAMarkOfWhatIsBelow(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	const above, key = "/clusters/c", "/clusters/c/things/t"
	known := store.Configuration{Key: key, ClusterKey: above, Kind: "Thing", Name: "t"}
	ctx := t.Context()
	put := func(r store.Resource) error {
		r.ID, r.Body = r.Key, []byte(`{}`)
		_, err := db.PutResource(ctx, r, store.AnyState)
		return err
	}
	for _, step := range []struct {
		name    string
		do      func() error
		changes bool
	}{
		{"the cluster is written", func() error { return put(store.Resource{Key: above}) }, false},
		{"a resource is written that does not wake it", func() error { return put(store.Resource{Key: key}) }, false},
		{"one is written that does", func() error { return put(store.Resource{Key: key, Wake: above}) }, true},
		{"a state is reported", func() error { return db.SaveConfigurationStates(ctx, []store.Configuration{known}) }, false},
		{"a configuration is forgotten", func() error { return db.ForgetConfiguration(ctx, known) }, true},
		{"a configuration is dropped", func() error { return db.DropConfiguration(ctx, key) }, true},
		{"the resource goes", func() error { return db.RemoveResource(ctx, key, store.AnyState, nil, above) }, true},
		{"all of the cluster goes", func() error { return db.DropConfigurations(ctx, above) }, true},
		{"the cluster goes", func() error { return db.DeleteResource(ctx, above, store.AnyState) }, false},
	} {
		before, _ := db.MarkBelow(above)
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if now, _ := db.MarkBelow(above); (now != before) != step.changes {
			t.Errorf("%s: the mark has changed: %v, must: %v", step.name, now != before, step.changes)
		}
	}
}
