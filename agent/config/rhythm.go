package config

import (
	"errors"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	firstRetry = time.Second      // at most
	lineRetry  = 5 * time.Second  // at most, while the hub cannot be reached
	slowRetry  = 30 * time.Second // at most, when asking often changes nothing
)

// errNotApplied is not the hub's fault, nor the line's.
var errNotApplied = errors.New("the cluster does not have all that the hub wants of it")

// Rhythm says when to ask again for the desired state when that is not at once. The zero value is ready.
type Rhythm struct{ backoff pace.Backoff }

// After returns how long to wait after a question that failed, or that was answered at once with nothing new (nil). Refusals
// do not go away by asking often; a hub that cannot be reached may be back at any moment, and then every cluster
// waits for what it missed.
func (r *Rhythm) After(err error) time.Duration {
	r.backoff.Min, r.backoff.Max = firstRetry, lineRetry
	switch fairlead.KindOf(err) { //nolint:exhaustive // what else goes wrong is the line's fault, or passes
	case fairlead.NotFound, fairlead.Forbidden, fairlead.Unauthenticated, fairlead.TooManyRequests:
		r.backoff.Max = slowRetry
	}
	if err == nil || errors.Is(err, errNotApplied) {
		r.backoff.Max = slowRetry
	}
	return r.backoff.Next()
}

// Reset forgets the failures: the hub has answered and was waited for.
func (r *Rhythm) Reset() { r.backoff.Reset() }
