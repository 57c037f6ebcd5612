package relay

import (
	"context"
	"sync"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// maxPrincipals bounds how many are remembered.
const maxPrincipals = 4096

// principals remembers who is in the directory, at one revision of it: a change of anybody makes all be read again.
type principals struct {
	mu    sync.Mutex
	at    int64
	known map[string]access.Principal
}

func (o *principals) recall(at int64, id string) (access.Principal, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at != at {
		return access.Principal{}, false
	}
	found, ok := o.known[id]
	return found, ok
}

// keep remembers what was read after that revision.
func (o *principals) keep(at int64, id string, found access.Principal) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || o.at != at || len(o.known) >= maxPrincipals {
		o.at, o.known = at, map[string]access.Principal{}
	}
	o.known[id] = found
}

// principal returns a principal that is there and not disabled, as the directory is at a revision or later.
func (s *Server) principal(ctx context.Context, at store.Revisions, id string) (access.Principal, error) {
	if found, ok := s.principals.recall(at.Directory, id); ok {
		return found, nil
	}
	found, err := s.Tokens.Principal(ctx, id)
	if err == nil {
		s.principals.keep(at.Directory, id, found)
	}
	return found, err
}
