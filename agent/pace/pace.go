// Package pace says how long to wait: after failures, and between regular calls so that many
// clusters do not call at the same moment. It does not know what is waited for.
package pace

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff doubles its wait from Min to Max with each failure. The zero Failures is a fresh start.
type Backoff struct {
	Min, Max time.Duration
	Failures int
}

// Next counts a failure and returns how long to wait, between half and all of the full step.
func (b *Backoff) Next() time.Duration {
	step := b.Max
	if shifted := b.Min << min(b.Failures, 30); shifted > 0 && shifted < b.Max {
		step = shifted
	}
	b.Failures++
	return step/2 + rand.N(step/2+1) //nolint:gosec // spreading load needs no secrecy
}

// Reset forgets the failures.
func (b *Backoff) Reset() { b.Failures = 0 }

// Jitter returns a duration within a tenth of d.
func Jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1) //nolint:gosec // spreading load needs no secrecy
}

// Spread returns a duration below d, any of which is as likely.
func Spread(d time.Duration) time.Duration {
	return rand.N(d) //nolint:gosec // spreading load needs no secrecy
}

// Wait waits for d, for a signal on wake (nil is none) or for the end of ctx, whose error it returns.
func Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
	case <-timer.C:
	}
	return nil
}
