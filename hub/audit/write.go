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
			l.flush(ctx)
		case <-flush.C:
			l.flush(ctx)
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

// flush writes all that waits, batch by batch. What could not be written stays where it is, for the next time.
func (l *Log) flush(ctx context.Context) {
	for {
		batch, entries := l.take()
		if len(batch) == 0 {
			return
		}
		err := l.Store.SaveAudit(ctx, entries)
		l.settle(ctx, batch, entries, err)
		if err != nil {
			return
		}
	}
}

// take returns the next batch, as it is at this moment. It stays in the queue until it is settled.
func (l *Log) take() ([]*Request, []store.AuditEntry) {
	batch, now := l.snapshot()
	entries := make([]store.AuditEntry, len(batch))
	for i := range now {
		entries[i] = now[i].row()
	}
	return batch, entries
}

func (l *Log) snapshot() (batch []*Request, now []Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch = append(batch, l.ended[:min(batchSize, len(l.ended))]...)
	batch = append(batch, l.fresh[:min(batchSize-len(batch), len(l.fresh))]...)
	for _, r := range batch {
		now = append(now, *r)
	}
	return batch, now
}

// settle takes a batch that was written out of the queue. Who has ended since it was taken is written once more.
func (l *Log) settle(ctx context.Context, batch []*Request, entries []store.AuditEntry, err error) {
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
	again := 0
	for i, r := range batch {
		if r.recorded {
			again++
			continue
		}
		<-l.slots
		r.recorded = true
		if entries[i].EndedAt.IsZero() && !r.end.IsZero() {
			l.ended = append(l.ended, r)
		}
	}
	l.ended, l.fresh = drop(l.ended, again), drop(l.fresh, len(batch)-again)
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
