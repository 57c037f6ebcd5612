package audit

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/fairlead/fairlead/store"
)

// Run writes what is entered until ctx ends, then the rest, and clears what is old in between.
func (l *Log) Run(ctx context.Context) error {
	flush, prune := time.NewTicker(flushEvery), time.NewTicker(pruneEvery)
	defer flush.Stop()
	defer prune.Stop()
	l.prune(ctx)
	for {
		select {
		case <-ctx.Done():
			return l.finish(ctx)
		case <-l.wake:
			l.write(ctx, youngFor)
		case <-flush.C:
			l.write(ctx, youngFor)
		case <-prune.C:
			l.prune(ctx)
		}
	}
}

// finish refuses what comes now, and writes what has come before. Requests that go on are ended by the next start.
func (l *Log) finish(ctx context.Context) error {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	l.flush(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if lost := len(l.fresh) + len(l.ended); lost > 0 {
		l.Log.ErrorContext(ctx, "audit entries could not be written before the hub stopped", slog.Int("count", lost))
	}
	return nil
}

// flush writes all that waits.
func (l *Log) flush(ctx context.Context) { l.write(ctx, 0) }

// write writes what waits, batch by batch, up to the first request that goes on and is young: it will have ended before the next
// time, mostly, and is written once then. What could not be written stays where it is, for the next time.
func (l *Log) write(ctx context.Context, young time.Duration) {
	for {
		batch := l.take(young)
		if len(batch.requests) == 0 {
			return
		}
		err := l.Store.SaveAudit(ctx, batch.begun(), batch.over())
		l.settle(ctx, batch, err)
		if err != nil {
			return
		}
	}
}

// batch is what is written at once: first those that were written while they went on, then those that are new. The entries are
// as they were when the batch was taken.
type batch struct {
	requests []*Request
	entries  []store.AuditEntry
	again    int // so many were written before
}

func (b batch) over() []store.AuditEntry  { return b.entries[:b.again] }
func (b batch) begun() []store.AuditEntry { return b.entries[b.again:] }

// take returns the next batch, as it is at this moment. It stays in the queue until it is settled.
func (l *Log) take(young time.Duration) batch {
	made, now := l.snapshot(young)
	made.entries = make([]store.AuditEntry, len(now))
	for i := range now {
		made.entries[i] = now[i].row()
	}
	return made
}

func (l *Log) snapshot(young time.Duration) (made batch, now []Request) {
	since := l.Now().Add(-young)
	l.mu.Lock()
	defer l.mu.Unlock()
	made.again = min(batchSize, len(l.ended))
	made.requests = append(made.requests, l.ended[:made.again]...)
	for _, r := range l.fresh[:min(batchSize-made.again, len(l.fresh))] {
		if age := r.at.Sub(since); r.end.IsZero() && age > 0 && age <= young { // not of a clock that was put back
			break
		}
		made.requests = append(made.requests, r)
	}
	for _, r := range made.requests {
		now = append(now, *r)
	}
	return made, now
}

// settle takes a batch that was written out of the queue. Who has ended since it was taken is written once more.
func (l *Log) settle(ctx context.Context, batch batch, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if !l.broken {
			l.Log.ErrorContext(ctx, "audit entries cannot be written: nothing is forwarded until they can", slog.Any("err", err))
		}
		l.broken = true
		return
	}
	if l.broken {
		l.Log.InfoContext(ctx, "audit entries are written again")
	}
	l.broken = false
	for i, r := range batch.requests[batch.again:] {
		<-l.slots
		r.recorded = true
		if batch.begun()[i].EndedAt.IsZero() && !r.end.IsZero() {
			l.ended = append(l.ended, r)
		}
	}
	l.ended, l.fresh = drop(l.ended, batch.again), drop(l.fresh, len(batch.begun()))
}

// drop removes the first n of a queue and gives back the room when it is empty.
func drop(queue []*Request, n int) []*Request {
	if n == len(queue) {
		return nil
	}
	clear(queue[:n])
	return queue[n:]
}

// row is what the store keeps of the request as it is now.
func (r *Request) row() store.AuditEntry {
	e, id := &r.entry, r.entry.Cluster
	asked := Parse(e.Method, e.URL)
	return store.AuditEntry{
		ID: r.id, At: r.at, EndedAt: r.end,
		Subscription: strings.ToLower(id.Subscription), ResourceGroup: strings.ToLower(id.ResourceGroup), ClusterID: id.String(),
		Caller: bound(e.Caller.Name(), 256), CallerID: e.Caller.ObjectID, Mode: string(e.Mode),
		Method: bound(e.Method, 16), Path: bound(e.URL.Path, 512), Verb: bound(asked.Verb, 16), APIGroup: bound(asked.APIGroup, 253), Resource: bound(asked.Resource, 253),
		Subresource: bound(asked.Subresource, 253), Namespace: bound(asked.Namespace, 253), Name: bound(asked.Name, 253),
		Status: r.outcome.Status, Reason: bound(r.outcome.Reason, 256), BytesIn: r.outcome.In, BytesOut: r.outcome.Out,
		RequestID: bound(e.RequestID, 64), ClientIP: bound(e.ClientIP, 64), UserAgent: bound(e.UserAgent, 256),
	}
}
