package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// markers is how many marks there are. Keys that share one only make each other's memories shorter; of the keys of ten thousand
// clusters and their operations hardly any do.
const markers = 1 << 16

// watchers are those who wait for changes, by key. The zero value is ready.
type watchers struct {
	mu    sync.Mutex
	keys  map[string]map[chan struct{}]struct{}
	seed  maphash.Seed
	once  sync.Once
	marks [markers]atomic.Uint64
}

// Mark lets a caller remember what it read: take the mark, read, and what was read holds for as long as
// the mark stays the same. It differs from the moment on at which a write of the key returns, at the latest.
// Nothing may be remembered when it is not certain: other processes write to PostgreSQL, and are heard of late.
func (db *DB) Mark(key string) (mark uint64, certain bool) {
	return db.watch.mark(key).Load(), db.postgres == nil
}

// MarkBelow is Mark for what belongs to a key: the resources whose write wakes it, and the configurations of a cluster. A write
// of the key itself leaves it as it is.
func (db *DB) MarkBelow(key string) (mark uint64, certain bool) { return db.Mark(belongings(key)) }

// belongings names the mark of what belongs to a key; no resource has such a key.
func belongings(key string) string { return key + "/" }

func (w *watchers) mark(key string) *atomic.Uint64 {
	w.once.Do(func() { w.seed = maphash.MakeSeed() })
	return &w.marks[maphash.String(w.seed, key)%markers]
}

// Subscribe returns a channel that receives after changes of key have been committed, by this
// process or, on PostgreSQL, by any. Several changes may come as one, and one may come without a
// change: read the resource again. cancel must be called when done.
func (db *DB) Subscribe(key string) (changed <-chan struct{}, cancel func()) {
	signal := make(chan struct{}, 1)
	db.watch.add(key, signal)
	return signal, func() { db.watch.remove(key, signal) }
}

func (w *watchers) add(key string, signal chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = map[string]map[chan struct{}]struct{}{}
	}
	if w.keys[key] == nil {
		w.keys[key] = map[chan struct{}]struct{}{}
	}
	w.keys[key][signal] = struct{}{}
}

func (w *watchers) remove(key string, signal chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.keys[key], signal)
	if len(w.keys[key]) == 0 {
		delete(w.keys, key)
	}
}

func (w *watchers) announce(keys ...string) {
	for _, key := range keys {
		w.mark(key).Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		wake(w.keys[key])
	}
}

// announceAll wakes everyone, when changes may have been missed.
func (w *watchers) announceAll() {
	for i := range w.marks {
		w.marks[i].Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, signals := range w.keys {
		wake(signals)
	}
}

func wake(signals map[chan struct{}]struct{}) {
	for signal := range signals {
		select {
		case signal <- struct{}{}:
		default: // a wake-up is waiting already
		}
	}
}
