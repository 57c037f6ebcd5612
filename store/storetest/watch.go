package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func testCanceledContexts(t *testing.T, db *store.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, get := db.GetResource(ctx, "/a")
	_, put := db.PutResource(ctx, document("/a"), store.AnyState)
	_, list := db.ListResources(ctx, store.Query{})
	for what, err := range map[string]error{"get": get, "put": put, "list": list, "ping": db.Ping(ctx)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want that the context was canceled", what, err)
		}
	}
	if _, err := db.GetResource(t.Context(), "/a"); err == nil {
		t.Error("the canceled write was done")
	}
}

func awaitSignal(t *testing.T, what string, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatalf("%s: nobody was told", what)
	}
}

func testSubscribe(t *testing.T, db *store.DB) {
	changed, cancel := db.Subscribe("/a")
	second, cancelSecond := db.Subscribe("/a")
	other, cancelOther := db.Subscribe("/b")
	defer cancel()
	defer cancelOther()
	put(t, db, document("/a"))
	awaitSignal(t, "created", changed)
	awaitSignal(t, "created, second subscriber", second)
	cancelSecond()
	if _, err := db.PutResource(t.Context(), document("/a"), store.MustBeAbsent); err == nil {
		t.Error("created twice")
	}
	put(t, db, document("/a"))
	awaitSignal(t, "changed", changed)
	if err := db.DeleteResource(t.Context(), "/a", store.AnyState); err != nil {
		t.Fatal(err)
	}
	awaitSignal(t, "deleted", changed)
	select {
	case <-other:
		t.Error("a subscriber was told of another key")
	default:
	}
}

// Whoever is woken must be able to read what woke them.
func testSubscribeAfterCommit(t *testing.T, db *store.DB) {
	changed, cancel := db.Subscribe("/a")
	defer cancel()
	done := make(chan error, 1)
	go func() {
		select {
		case <-changed:
		case <-time.After(patience):
		}
		_, err := db.GetResource(context.WithoutCancel(t.Context()), "/a")
		done <- err
	}()
	put(t, db, document("/a"))
	if err := <-done; err != nil {
		t.Errorf("woken before the commit: %v", err)
	}
}

// testSubscribeAcross has two processes on one database; SQLite is for one process only.
func (s Suite) testSubscribeAcross(t *testing.T) {
	dsn := s.DSN(t)
	if dsn[:6] == "sqlite" {
		t.Skip("one process only")
	}
	one, two := Open(t, dsn), Open(t, dsn)
	changed, cancel := one.Subscribe("/a")
	defer cancel()
	put(t, two, document("/a"))
	awaitSignal(t, "another process", changed)
}

func (s Suite) testReopen(t *testing.T) {
	dsn := s.DSN(t)
	first := Open(t, dsn)
	stored := put(t, first, document("/a"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := Open(t, dsn)
	got, err := second.GetResource(t.Context(), "/a")
	if err != nil || got.ETag != stored.ETag {
		t.Errorf("%+v, %v", got, err)
	}
	if next := put(t, second, document("/b")); next.Revision <= stored.Revision {
		t.Errorf("revision %d after %d", next.Revision, stored.Revision)
	}
}

// Several hubs may start on one database at the same time.
func (s Suite) testOpenTogether(t *testing.T) {
	dsn := s.DSN(t)
	won := race(t, 4, func(int) error {
		db, err := store.Open(t.Context(), dsn)
		if err != nil {
			return err
		}
		return db.Close()
	})
	wantKind(t, "opened", won, 4)
}
