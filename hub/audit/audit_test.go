package audit

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
	"github.com/fairlead/fairlead/store/storetest"
)

func newLog(tb testing.TB, dsn string) *Log {
	tb.Helper()
	db, err := store.Open(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	l := &Log{Store: db, Limits: Limits{DefaultAge, DefaultRows}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	if err := l.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return l
}

func exec() Entry {
	return Entry{
		Cluster: fairlead.ConnectedClusterID("S", "Shops", "edge-1"), Caller: access.Principal{ObjectID: "oid", UserName: "Ana@example.org"}, Mode: caller.AAD,
		Method: "POST", URL: &url.URL{Path: "/api/v1/namespaces/n/pods/p/exec", RawQuery: "command=secret"},
		RequestID: "r", ClientIP: "192.0.2.1", UserAgent: "kubectl/v1.37",
	}
}

func begin(tb testing.TB, l *Log, entry Entry) *Request {
	tb.Helper()
	r, err := l.Begin(tb.Context(), entry)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func stored(tb testing.TB, l *Log) []store.AuditEntry {
	tb.Helper()
	found, err := l.Store.ListAudit(tb.Context(), store.AuditQuery{Subscription: "s"})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func TestShortRequestIsOneRow(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	r := begin(t, l, exec())
	r.End(Outcome{Status: 403, Reason: "policy", In: 1, Out: 2})
	r.End(Outcome{Status: 200})
	l.flush(t.Context())
	found := stored(t, l)
	if len(found) != 1 {
		t.Fatalf("%d rows", len(found))
	}
	got := found[0]
	if got.Status != 403 || got.Reason != "policy" || got.BytesIn != 1 || got.BytesOut != 2 || got.EndedAt.IsZero() || got.Caller != "Ana@example.org" ||
		got.CallerID != "oid" || got.ResourceGroup != "shops" || got.Path != "/api/v1/namespaces/n/pods/p/exec" || got.Mode != "aad" || got.UserAgent != "kubectl/v1.37" {
		t.Errorf("%+v", got)
	}
}

func TestLongRequestIsThereWhileItGoesOn(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	r := begin(t, l, exec())
	l.flush(t.Context())
	if found := stored(t, l); len(found) != 1 || !found[0].EndedAt.IsZero() || found[0].Status != 0 {
		t.Fatalf("%+v", found)
	}
	r.End(Outcome{Status: 101, In: 5})
	l.flush(t.Context())
	if found := stored(t, l); len(found) != 1 || found[0].EndedAt.IsZero() || found[0].Status != 101 || found[0].BytesIn != 5 {
		t.Fatalf("%+v", found)
	}
	if len(l.fresh)+len(l.ended)+len(l.slots) != 0 {
		t.Errorf("left: %d fresh, %d ended, %d slots", len(l.fresh), len(l.ended), len(l.slots))
	}
}

// What ends while it is being written as one that goes on is written again.
func TestEndDuringWrite(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	r := begin(t, l, exec())
	taken := l.take(0)
	r.End(Outcome{Status: 200})
	l.settle(t.Context(), taken, l.Store.SaveAudit(t.Context(), taken.begun(), taken.over()))
	l.flush(t.Context())
	if found := stored(t, l); len(found) != 1 || found[0].Status != 200 {
		t.Errorf("%+v", found)
	}
}

// A request that has just begun is left for the next time, with all that came after it, and no longer than that.
func TestAYoungRequestIsWrittenOnce(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	clock := time.Now()
	l.Now = func() time.Time { return clock }
	old := begin(t, l, exec())
	clock = clock.Add(youngFor)
	begin(t, l, exec()).End(Outcome{Status: 200})
	young := begin(t, l, exec())
	begin(t, l, exec()).End(Outcome{Status: 200})
	l.write(t.Context(), youngFor)
	if found := stored(t, l); len(found) != 2 || !found[1].EndedAt.IsZero() {
		t.Errorf("%+v", found)
	}
	clock = clock.Add(youngFor)
	l.write(t.Context(), youngFor)
	if found := stored(t, l); len(found) != 4 || !found[1].EndedAt.IsZero() {
		t.Errorf("%+v", found)
	}
	old.End(Outcome{Status: 200})
	young.End(Outcome{Status: 200})
	clock = clock.Add(-time.Hour) // as when a clock is put back
	begin(t, l, exec())
	clock = clock.Add(-time.Hour)
	l.write(t.Context(), youngFor)
	found := stored(t, l)
	for _, one := range found {
		if one.EndedAt.IsZero() != (one.Status == 0) {
			t.Errorf("%+v", one)
		}
	}
	if len(found) != 5 {
		t.Errorf("%d entries: one that a clock leaves in the future must not stop all", len(found))
	}
}

func TestRunWritesByItselfAndAtItsEnd(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	for range 2 * batchSize {
		begin(t, l, exec()).End(Outcome{Status: 200})
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(stored(t, l)) < 2*batchSize {
		if time.Now().After(deadline) {
			t.Fatalf("%d rows", len(stored(t, l)))
		}
	}
	begin(t, l, exec()).End(Outcome{Status: 200})
	open := begin(t, l, exec())
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if found := stored(t, l); len(found) != 2*batchSize+2 {
		t.Errorf("%d rows", len(found))
	}
	if _, err := l.Begin(t.Context(), exec()); fairlead.KindOf(err) != fairlead.Unavailable {
		t.Errorf("begun after the end: %v", err)
	}
	open.End(Outcome{})
}

// What was open when the process died has an end after the next start, and ids go on.
func TestOpenAfterCrash(t *testing.T) {
	dsn := storetest.SQLite(t)
	l := newLog(t, dsn)
	l.Now = func() time.Time { return time.Now().Add(time.Hour) } // the clock is put back later
	begin(t, l, exec())
	l.flush(t.Context())
	again := newLog(t, dsn)
	begin(t, again, exec()).End(Outcome{Status: 200})
	again.flush(t.Context())
	found := stored(t, again)
	if len(found) != 2 || found[0].Reason != "HubStopped" || found[0].EndedAt.IsZero() || found[1].ID <= found[0].ID {
		t.Errorf("%+v", found)
	}
}

// Nothing is forwarded while entries cannot be written, and nothing is lost.
func TestBrokenStoreRefuses(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	begin(t, l, exec()).End(Outcome{Status: 200})
	l.settle(t.Context(), l.take(0), errors.New("disk full"))
	if _, err := l.Begin(t.Context(), exec()); fairlead.KindOf(err) != fairlead.Unavailable {
		t.Fatalf("begun on a broken disk: %v", err)
	}
	l.flush(t.Context())
	begin(t, l, exec()).End(Outcome{Status: 200})
	l.flush(t.Context())
	if found := stored(t, l); len(found) != 2 || len(l.slots) != 0 {
		t.Errorf("%d rows, %d slots", len(found), len(l.slots))
	}
}

func TestFullQueueRefuses(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	for range queueSize {
		begin(t, l, exec())
	}
	if _, err := l.Begin(t.Context(), exec()); fairlead.KindOf(err) != fairlead.Unavailable {
		t.Fatalf("begun with a full queue: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(canceled, exec()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	l.flush(t.Context())
	if _, err := l.Begin(t.Context(), exec()); err != nil || len(stored(t, l)) != queueSize {
		t.Errorf("%v, %d rows", err, len(stored(t, l)))
	}
}

func TestPrune(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	real := l.Now
	l.Now = func() time.Time { return real().Add(-100 * 24 * time.Hour) }
	for range pruneStep + 5 {
		begin(t, l, exec()).End(Outcome{Status: 200})
	}
	l.Now = real
	for range 20 {
		begin(t, l, exec()).End(Outcome{Status: 200})
	}
	l.flush(t.Context())
	l.prune(t.Context())
	if found := stored(t, l); len(found) != 20 {
		t.Errorf("%d rows after pruning by age", len(found))
	}
	l.Limits.Rows = 5
	l.prune(t.Context())
	if found := stored(t, l); len(found) != 5 {
		t.Errorf("%d rows after pruning by number", len(found))
	}
}

func TestHostileEntryIsBounded(t *testing.T) {
	l := newLog(t, storetest.SQLite(t))
	entry := exec()
	long := "/api/v1/\x00\xff" + strings.Repeat("ä", 10000)
	entry.URL, entry.UserAgent, entry.Method = &url.URL{Path: long}, long, long
	begin(t, l, entry).End(Outcome{Reason: long})
	l.flush(t.Context())
	found := stored(t, l)
	if len(found) != 1 || len(found[0].Path) > 520 || len(found[0].UserAgent) > 260 || len(found[0].Method) > 20 || len(found[0].Reason) > 260 ||
		strings.ContainsRune(found[0].Path, 0) {
		t.Errorf("%+v", found)
	}
}

func BenchmarkBeginEnd(b *testing.B) {
	l := newLog(b, "sqlite:"+filepath.Join(b.TempDir(), "store.db"))
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	entry := exec()
	refused := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := l.Begin(ctx, entry)
			if err != nil {
				refused++
				continue
			}
			r.End(Outcome{Status: 200})
		}
	})
	b.StopTimer()
	stop()
	if err := <-done; err != nil || refused > 0 {
		b.Fatal(err, refused)
	}
}

// BenchmarkHotPath is what a request waits for when the writer keeps up: no more than the queue holds.
func BenchmarkHotPath(b *testing.B) {
	l := newLog(b, "sqlite:"+filepath.Join(b.TempDir(), "store.db"))
	entry := exec()
	for b.Loop() {
		r, err := l.Begin(b.Context(), entry)
		if err != nil {
			b.Fatal(err)
		}
		r.End(Outcome{Status: 200})
		if len(l.fresh) == queueSize/2 {
			b.StopTimer()
			l.flush(b.Context())
			b.StartTimer()
		}
	}
}
