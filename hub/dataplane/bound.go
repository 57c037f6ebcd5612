package dataplane

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
)

// slots bounds how many do something at a time. The zero value lets maxIssuing.
type slots struct {
	once sync.Once
	free chan struct{}
}

func (o *slots) take(ctx context.Context) (release func(), err error) {
	o.once.Do(func() { o.free = make(chan struct{}, maxIssuing) })
	timer := time.NewTimer(issuePatience)
	defer timer.Stop()
	select {
	case o.free <- struct{}{}:
		return func() { <-o.free }, nil
	case <-timer.C:
		return nil, fairlead.Errorf(fairlead.Unavailable, "too many certificates are being asked for; try again in some seconds")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pollers knows the polls of each cluster. The zero value is ready.
type pollers struct {
	mu    sync.Mutex
	polls map[string][]chan struct{} // oldest first; closed to end one
}

// enter adds a poll. One too many ends the oldest: after the network failed it is the one whose
// client is gone, and the newest is the one that somebody waits for.
func (o *pollers) enter(key string) (ended <-chan struct{}, leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.polls == nil {
		o.polls = map[string][]chan struct{}{}
	}
	if waiting := o.polls[key]; len(waiting) >= maxPolls {
		close(waiting[0])
		o.polls[key] = slices.Delete(waiting, 0, 1)
	}
	own := make(chan struct{})
	o.polls[key] = append(o.polls[key], own)
	return own, func() { o.leave(key, own) }
}

func (o *pollers) leave(key string, own chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.polls[key] = slices.DeleteFunc(o.polls[key], func(other chan struct{}) bool { return other == own })
	if len(o.polls[key]) == 0 {
		delete(o.polls, key)
	}
}
