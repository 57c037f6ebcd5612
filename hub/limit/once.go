package limit

import "sync"

// maxNames bounds how many names a Once remembers.
const maxNames = 10_000

// Once lets each name through once in the life of a process: a log is to hear of everybody, and of nobody again and again. The
// zero value is ready. When it has heard of ten thousand it lets nobody through any more.
type Once struct {
	mu    sync.Mutex
	known map[string]struct{}
}

// First reports whether a name is new.
func (o *Once) First(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.known[name]; known || len(o.known) >= maxNames {
		return false
	}
	if o.known == nil {
		o.known = map[string]struct{}{}
	}
	o.known[name] = struct{}{}
	return true
}
