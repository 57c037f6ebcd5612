package presence

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	flushEvery   = time.Second
	flushTimeout = 10 * time.Second
	// The hub's own sign of life is saved so often when nothing else is.
	markEvery = 5 * time.Second
	// The hub's own row has a key that no resource has.
	hubKey = "/hub"
)

// Load reads what was known when the hub last ran. Clusters that were alive then get the time of a few
// heartbeats before they count as offline: the silence was the hub's. It is called before
// requests are served; Run calls it otherwise.
func (t *Tracker) Load(ctx context.Context) error {
	if t.isLoaded() {
		return nil
	}
	saved, err := t.Store.LoadPresence(ctx)
	if err != nil {
		return fmt.Errorf("load presence: %w", err)
	}
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	stopped := lastRun(saved)
	for _, p := range saved {
		if p.ClusterKey == hubKey {
			continue
		}
		// What a held poll has shown since the last heartbeat is not saved.
		alive := stopped.Sub(p.LastSeen) < fairlead.SeldomInterval+fairlead.OfflineAfter
		if p.LastSeen.After(now) { // the clock was put back; a time to come would keep the cluster alive until then
			p.LastSeen = now
		}
		known := t.cluster(p.ClusterKey)
		if err := known.restore(p); err != nil {
			return err
		}
		if alive {
			known.graceUntil = now.Add(fairlead.OfflineAfter)
		}
	}
	t.loaded = true
	return nil
}

func (t *Tracker) isLoaded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loaded
}

// lastRun returns the last moment at which the hub is known to have run.
func lastRun(saved []store.Presence) time.Time {
	var last time.Time
	for _, p := range saved {
		if p.LastSeen.After(last) {
			last = p.LastSeen
		}
	}
	return last
}

// Run saves what changes, every second and once more at the end.
func (t *Tracker) Run(ctx context.Context) error {
	if err := t.Load(ctx); err != nil {
		return err
	}
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.flush(ctx)
		case <-ctx.Done():
			t.flush(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// flush saves what changed. What the store refuses is kept for the next time, and the log hears
// of it once, not every second.
func (t *Tracker) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	t.saving.Lock()
	defer t.saving.Unlock()
	batch := t.take(ctx)
	if len(batch) == 0 {
		return
	}
	err := t.Store.SavePresence(ctx, batch)
	t.settle(batch, err)
	switch {
	case err != nil && !t.failing:
		t.Log.ErrorContext(ctx, "cannot save presence, will keep trying", slog.Any("err", err))
	case err == nil && t.failing:
		t.Log.InfoContext(ctx, "presence is saved again")
	}
	t.failing = err != nil
}

func (t *Tracker) take(ctx context.Context) []store.Presence {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.clusters) == 0 || len(t.changed) == 0 && now.Sub(t.marked) < markEvery {
		return nil
	}
	batch := make([]store.Presence, 0, len(t.changed)+1)
	for key := range t.changed {
		taken, err := t.clusters[key].take(key)
		if err != nil {
			t.Log.ErrorContext(ctx, "cannot save what a cluster said", slog.Any("err", err))
			continue
		}
		batch = append(batch, taken)
	}
	clear(t.changed)
	t.marked = now
	return append(batch, store.Presence{ClusterKey: hubKey, LastSeen: now})
}

// settle marks a refused batch as unsaved again.
func (t *Tracker) settle(batch []store.Presence, err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, taken := range batch {
		if known, ok := t.clusters[taken.ClusterKey]; ok {
			known.giveBack(taken)
			t.changed[taken.ClusterKey] = struct{}{}
		}
	}
}
