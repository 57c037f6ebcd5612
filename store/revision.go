package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// noticed is how long it may take until the writes of a command beside the hub, such as a reset of the administrator, count.
const noticed = time.Second

// Revisions say how often resources and the directory (principals, credentials, memberships) have been written. What
// was read after them is still true as long as they are the same.
type Revisions struct{ Resources, Directory int64 }

// Covers reports whether what was read at these revisions is no older than the others.
func (r Revisions) Covers(others Revisions) bool {
	return r.Resources >= others.Resources && r.Directory >= others.Directory
}

type asOf struct{}

// AsOf returns a context in which Revisions answers with what it has answered before: for the several questions of one short
// decision.
func AsOf(ctx context.Context, now Revisions) context.Context {
	return context.WithValue(ctx, asOf{}, now)
}

// Revisions returns the present revisions: those of the last write of this process that has returned, or later ones. Where no
// other hub writes, the database is asked after each write and once a second, for the commands that may; otherwise each time.
func (db *DB) Revisions(ctx context.Context) (Revisions, error) {
	if before, ok := ctx.Value(asOf{}).(Revisions); ok {
		return before, nil
	}
	if known := db.revised.known.Load(); known != nil && time.Since(known.at) < noticed {
		return known.Revisions, nil
	}
	asked, writes := time.Now(), db.revised.writes.Load() // before reading: what is written meanwhile must not be missed
	var now Revisions
	err := db.read.QueryRowContext(ctx, `SELECT r.value, d.value FROM revision r, revision d
		WHERE r.id = 1 AND d.id = 2`).Scan(&now.Resources, &now.Directory)
	if err != nil {
		return now, fmt.Errorf("read revisions: %w", diskFault(err))
	}
	if db.alone {
		db.revised.keep(writes, known{now, asked})
	}
	return now, nil
}

// revised remembers the revisions until the next write of them.
type revised struct {
	mu     sync.Mutex
	writes atomic.Uint64
	known  atomic.Pointer[known]
}

type known struct {
	Revisions

	at time.Time
}

// keep remembers what was read after so many writes, unless there was another one.
func (o *revised) keep(writes uint64, now known) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writes.Load() == writes {
		o.known.Store(&now)
	}
}

// forget comes after a write, before whoever writes is told that it was done.
func (o *revised) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes.Add(1)
	o.known.Store(nil)
}
