package relay

import (
	"sync"

	"github.com/fairlead/fairlead/store"
)

// maxRemembered bounds each memory.
const maxRemembered = 4096

// memory remembers what was found out, while the store is at the revisions of before it was read: whatever is written makes all
// be found out again.
type memory[K comparable, V any] struct {
	mu    sync.Mutex
	at    store.Revisions
	known map[K]V
}

func (o *memory[K, V]) recall(at store.Revisions, key K) (found V, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at == at {
		found, ok = o.known[key]
	}
	return found, ok
}

// keep remembers what was read after the store was at these revisions.
func (o *memory[K, V]) keep(at store.Revisions, key K, found V) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || o.at != at || len(o.known) >= maxRemembered {
		o.at, o.known = at, map[K]V{}
	}
	o.known[key] = found
}
