package dataplane

import (
	"context"
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
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "too many certificates are being asked for; try again in a minute")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pollers counts the polls of each cluster. The zero value is ready.
type pollers struct {
	mu    sync.Mutex
	polls map[string]int
}

func (o *pollers) enter(key string) (leave func(), err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.polls == nil {
		o.polls = map[string]int{}
	}
	if o.polls[key] >= maxPolls {
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "the cluster polls more than %d times at once", maxPolls)
	}
	o.polls[key]++
	return func() { o.leave(key) }, nil
}

func (o *pollers) leave(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.polls[key]--; o.polls[key] == 0 {
		delete(o.polls, key)
	}
}
