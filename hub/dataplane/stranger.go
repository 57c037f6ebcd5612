package dataplane

import (
	"context"
	"log/slog"
	"sync"

	"github.com/fairlead/fairlead"
)

// maxStrangers bounds how many clusters the log tells of.
const maxStrangers = 10_000

// strangers are clusters with a good identity of this hub that it does not know any more: deleted here while
// their agents ran on, or younger than the backup that the hub was restored from.
type strangers struct {
	mu    sync.Mutex
	known map[string]struct{}
}

// add reports whether the cluster is a new one.
func (o *strangers) add(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.known[key]; ok || len(o.known) >= maxStrangers {
		return false
	}
	if o.known == nil {
		o.known = map[string]struct{}{}
	}
	o.known[key] = struct{}{}
	return true
}

// noteStranger tells of each such cluster once in the life of a process. Only who holds a certificate of
// this hub gets that far.
func (s *Server) noteStranger(ctx context.Context, id fairlead.ResourceID, err error) {
	if fairlead.KindOf(err) == fairlead.NotFound && s.strangers.add(id.Key()) {
		s.Log.WarnContext(ctx, "a cluster calls that was connected to this hub and is unknown to it: connect it again, or remove its agents",
			slog.String("cluster", id.String()))
	}
}
