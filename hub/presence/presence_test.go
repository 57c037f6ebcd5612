package presence_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/store"
)

const key = "/subscriptions/s/resourcegroups/g/providers/microsoft.kubernetes/connectedclusters/c"

func open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func tracker(t testing.TB, db presence.Store, now func() time.Time) *presence.Tracker {
	t.Helper()
	return &presence.Tracker{Store: db, Now: now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// start runs the tracker and returns what stops it and waits for it.
func start(t *testing.T, p *presence.Tracker) (stop func()) {
	t.Helper()
	if err := p.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestStatusFollowsTheSignsOfLife(t *testing.T) {
	begin := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		reason       string
		beat, expiry time.Duration // after begin; 0 is never
		at           time.Duration
		want         fairlead.ConnectivityStatus
	}{
		"NeverHeardOf":       {"nothing was said yet", 0, 0, time.Hour, fairlead.Connecting},
		"OnlyCertificate":    {"an identity is no sign of life of the cluster's metadata", 0, time.Hour, time.Minute, fairlead.Connecting},
		"Fresh":              {"it has just been heard of", time.Second, time.Hour, 2 * time.Second, fairlead.Connected},
		"JustInTime":         {"fifteen seconds have not passed", time.Second, time.Hour, 15999 * time.Millisecond, fairlead.Connected},
		"Silent":             {"fifteen seconds have passed", time.Second, time.Hour, 16 * time.Second, fairlead.Offline},
		"SilentAndExpired":   {"it cannot come back without a new certificate", time.Second, time.Minute, 2 * time.Minute, fairlead.Expired},
		"SilentWithoutKnown": {"no certificate of it is known", time.Second, 0, time.Hour, fairlead.Offline},
		"AliveThoughExpired": {"it was heard of after that", 61 * time.Second, time.Minute, 62 * time.Second, fairlead.Connected},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			now := begin
			p := tracker(t, open(t), func() time.Time { return now })
			if c.expiry != 0 {
				p.CertificateIssued(key, begin.Add(c.expiry))
			}
			if c.beat != 0 {
				now = begin.Add(c.beat)
				p.Beat(key)
			}
			now = begin.Add(c.at)
			if got := p.View(key).Status; got != c.want {
				t.Errorf("%s, want %s because %s", got, c.want, c.reason)
			}
		})
	}
}

func TestClusterComesBackByItself(t *testing.T) {
	now := time.Now()
	p := tracker(t, open(t), func() time.Time { return now })
	p.Beat(key)
	now = now.Add(time.Minute)
	if got := p.View(key).Status; got != fairlead.Offline {
		t.Fatalf("%s, want Offline", got)
	}
	p.Beat(key)
	if got := p.View(key).Status; got != fairlead.Connected {
		t.Errorf("%s, want Connected", got)
	}
}

func TestWhatAClusterSaidSurvivesARestart(t *testing.T) {
	db := open(t)
	first := tracker(t, db, time.Now)
	stop := start(t, first)
	first.Beat(key)
	first.CertificateIssued(key, time.Now().Add(time.Hour))
	first.Metadata(key, "hash", fairlead.ClusterMetadata{KubernetesVersion: "1.34.1", TotalNodeCount: 3})
	first.AgentStatus(key, fairlead.AgentStatus{State: "Succeeded"})
	want := first.View(key)
	stop()

	second := tracker(t, db, time.Now)
	if err := second.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := second.View(key)
	if got.Status != fairlead.Connected || got.MetadataHash != "hash" || *got.Metadata != *want.Metadata || got.AgentStatus.State != "Succeeded" {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got.LastSeen.Sub(want.LastSeen).Abs() > time.Millisecond || got.CertificateNotAfter.Sub(want.CertificateNotAfter).Abs() > time.Millisecond {
		t.Errorf("times %s and %s, want %s and %s", got.LastSeen, got.CertificateNotAfter, want.LastSeen, want.CertificateNotAfter)
	}
}

// A clock that ran ahead and was put back must not keep a silent cluster alive for as long as it ran ahead.
func TestClockPutBackKeepsNobodyAlive(t *testing.T) {
	db := open(t)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	first := tracker(t, db, clock)
	stop := start(t, first)
	first.Beat(key)
	stop()
	now = now.Add(-24 * time.Hour)
	second := tracker(t, db, clock)
	if err := second.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status := second.View(key).Status; status != fairlead.Connected {
		t.Errorf("%s right after the restart, want the time of a few heartbeats", status)
	}
	now = now.Add(2 * fairlead.OfflineAfter)
	if status := second.View(key).Status; status != fairlead.Offline {
		t.Errorf("%s after a silence, want Offline", status)
	}
	second.Beat(key)
	if status := second.View(key).Status; status != fairlead.Connected {
		t.Errorf("%s after a sign of life", status)
	}
}

func TestRestartOfTheHubMakesNobodyOffline(t *testing.T) {
	db, now := open(t), time.Now()
	clock := func() time.Time { return now }
	const gone = key + "-gone"
	first := tracker(t, db, clock)
	first.Beat(gone)
	now = now.Add(time.Hour)
	first.Beat(key)
	start(t, first)()

	now = now.Add(10 * time.Minute) // the hub is down
	second := tracker(t, db, clock)
	if err := second.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(14 * time.Second)
	if alive, dead := second.View(key).Status, second.View(gone).Status; alive != fairlead.Connected || dead != fairlead.Offline {
		t.Errorf("%s and %s, want the one that was alive Connected, the other Offline", alive, dead)
	}
	now = now.Add(time.Second)
	if got := second.View(key).Status; got != fairlead.Offline {
		t.Errorf("%s, want Offline once it had its time to come back", got)
	}
}

func TestForgottenClusterIsNew(t *testing.T) {
	db := open(t)
	p := tracker(t, db, time.Now)
	stop := start(t, p)
	p.Beat(key)
	stop()
	if err := p.Forget(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got := p.View(key); got.Status != fairlead.Connecting || !got.LastSeen.IsZero() {
		t.Errorf("%+v, want nothing known", got)
	}
	if saved, err := db.LoadPresence(t.Context()); err != nil || len(saved) > 1 {
		t.Errorf("%d rows are left: %v", len(saved), err)
	}
}

// unreliable is a store in memory that can be made to fail.
type unreliable struct {
	failing bool
	batches [][]store.Presence
}

func (u *unreliable) SavePresence(_ context.Context, batch []store.Presence) error {
	if u.failing {
		return errors.New("disk full")
	}
	u.batches = append(u.batches, batch)
	return nil
}

func (u *unreliable) LoadPresence(context.Context) ([]store.Presence, error) { return nil, nil }

func (u *unreliable) DeletePresence(context.Context, string) error { return nil }

func TestBeatsAreSavedInBatchesOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &unreliable{}
		p := tracker(t, db, time.Now)
		stop := start(t, p)
		for _, cluster := range []string{"a", "b", "a", "c"} {
			p.Beat(cluster)
		}
		time.Sleep(1500 * time.Millisecond) //nolint:forbidigo // synthetic time
		synctest.Wait()
		if len(db.batches) != 1 || len(db.batches[0]) != 4 {
			t.Fatalf("batches %v, want one with three clusters and the hub", db.batches)
		}
		p.Beat("a")
		stop()
		if last := db.batches[len(db.batches)-1]; len(db.batches) != 2 || last[0].ClusterKey != "a" {
			t.Errorf("batches %v, want one more at the end", db.batches)
		}
	})
}

func TestNothingIsLostWhileTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &unreliable{failing: true}
		p := tracker(t, db, time.Now)
		stop := start(t, p)
		p.Metadata("a", "hash", fairlead.ClusterMetadata{AgentVersion: "1"})
		p.Beat("a")
		time.Sleep(3500 * time.Millisecond) //nolint:forbidigo // synthetic time
		synctest.Wait()
		db.failing = false
		stop()
		if len(db.batches) != 1 || db.batches[0][0].Metadata == nil || db.batches[0][0].LastSeen.IsZero() {
			t.Errorf("batches %v, want what was refused before", db.batches)
		}
	})
}

func TestIdleHubWritesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &unreliable{}
		p := tracker(t, db, time.Now)
		stop := start(t, p)
		p.Beat("a")
		time.Sleep(time.Minute) //nolint:forbidigo // synthetic time
		stop()
		if got := len(db.batches); got > 14 {
			t.Errorf("%d writes in a minute without a sign of life", got)
		}
	})
}
