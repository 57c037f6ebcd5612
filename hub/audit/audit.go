// Package audit writes down each request that the hub forwards to a connected cluster, and each that it refuses:
// who asked for what, and how that went. One writer saves them in batches, so that a request costs microseconds;
// what cannot be written is not forwarded. It decides nothing about who may do what, and reading the entries
// is hub/provider's.
package audit

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

const (
	// What is written down waits for half a second at most: so often is it looked for, and so long may a request that goes on be left
	// for the next time.
	flushEvery   = 250 * time.Millisecond
	youngFor     = 250 * time.Millisecond
	batchSize    = 500
	queueSize    = 10_000 // entries that wait to be written for the first time
	patience     = time.Second
	flushTimeout = 10 * time.Second
)

// Defaults of Limits.
const (
	DefaultAge  = 90 * 24 * time.Hour
	DefaultRows = 2_000_000
)

// Limits say what is kept. Both are required.
type Limits struct {
	Age  time.Duration
	Rows int64
}

// Log is the audit log. All fields are required; Open comes first, and Run writes until its context ends.
type Log struct {
	Store  *store.DB
	Limits Limits
	Now    func() time.Time
	Log    *slog.Logger

	slots chan struct{} // one is held by each entry that has not been written for the first time
	wake  chan struct{}

	mu      sync.Mutex
	last    int64
	fresh   []*Request // in the order in which they began
	ended   []*Request // were written while they went on, and have ended since
	broken  bool       // the last attempt to write has failed
	stopped bool
}

// Entry is what is known of a request when it arrives. Query parameters of URL are looked at and not kept.
type Entry struct {
	Cluster fairlead.ResourceID
	Caller  access.Principal
	Mode    caller.Mode

	Method string
	URL    *url.URL // of the API server: path and query

	RequestID, ClientIP, UserAgent string
}

// Outcome is how a request went. Status is the HTTP status of the answer, 0 when there was none. Reason says in
// few words, or a code, why it was refused or broken off. In and Out count the bytes of bodies and streams, from and
// to the caller.
type Outcome struct {
	Status  int
	Reason  string
	In, Out int64
}

// Request is one entry under way.
type Request struct {
	log   *Log
	entry Entry

	// Below is guarded by the log's lock.
	id       int64
	at, end  time.Time
	outcome  Outcome
	recorded bool // in the store, as one that goes on
}

// Open readies the log, and ends the entries that an earlier process left open. It is called before Begin.
func (l *Log) Open(ctx context.Context) error {
	last, err := l.Store.LastAudit(ctx)
	if err != nil {
		return err
	}
	l.last, l.slots, l.wake = last, make(chan struct{}, queueSize), make(chan struct{}, 1)
	cut, err := l.Store.EndOpenAudit(ctx, l.Now(), "HubStopped")
	if err == nil && cut > 0 {
		l.Log.WarnContext(ctx, "requests were under way when the hub last stopped", slog.Int64("count", cut))
	}
	return err
}

// Begin enters a request, before it is forwarded or refused. An error means that nothing more can be written down
// now: the request must then be refused. Who gets nil must call End.
func (l *Log) Begin(ctx context.Context, entry Entry) (*Request, error) {
	if err := l.reserve(ctx); err != nil {
		return nil, err
	}
	r := &Request{log: l, entry: entry, at: l.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken || l.stopped {
		<-l.slots
		return nil, unwritten()
	}
	l.last = max(l.last+1, r.at.UnixMicro())
	r.id = l.last
	l.fresh = append(l.fresh, r)
	if len(l.fresh) == batchSize {
		l.stir()
	}
	return r, nil
}

// reserve waits a little for the writer when it is behind.
func (l *Log) reserve(ctx context.Context) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return unwritten()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func unwritten() error {
	return fairlead.Errorf(fairlead.Unavailable, "the hub cannot write down who does what at the moment, so it forwards nothing: "+
		"try again; if it goes on, look at the hub's disk and log").WithCode("AuditUnavailable")
}

// stir tells the writer that there is much to write.
func (l *Log) stir() {
	select {
	case l.wake <- struct{}{}:
	default: // it has yet to look
	}
}

// End says how the request went. Only the first call counts. It never waits for the disk.
func (r *Request) End(outcome Outcome) {
	now := r.log.Now()
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if !r.end.IsZero() {
		return
	}
	r.end, r.outcome = now, outcome
	if r.recorded {
		r.log.ended = append(r.log.ended, r)
	}
}
