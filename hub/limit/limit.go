// Package limit keeps one caller from using up the hub: each has a rate of requests, and a number
// of requests under way, of its own. It knows callers by name only and authenticates nobody.
package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepEvery is after how many requests callers that fell silent are forgotten.
const sweepEvery = 1024

// atOnceWait is what a caller with too many requests under way is told to wait: one of them may
// end at any moment.
const atOnceWait = time.Second

// Limiter limits each caller to PerSecond requests, after a Burst of them, and to AtOnce that are
// under way. Now is the clock.
type Limiter struct {
	PerSecond float64
	Burst     int
	AtOnce    int
	Now       func() time.Time

	mu      sync.Mutex
	callers map[string]*caller
	since   int
}

type caller struct {
	bucket   *rate.Limiter
	underWay int
}

// Take begins a request of a caller. When wait is 0 the request may go on, and release ends it;
// otherwise it must not, and wait is how long until another may.
func (l *Limiter) Take(name string) (release func(), wait time.Duration) {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	known := l.caller(name)
	if known.underWay >= l.AtOnce {
		return nil, atOnceWait
	}
	taken := known.bucket.ReserveN(now, 1)
	if wait := taken.DelayFrom(now); wait > 0 {
		taken.CancelAt(now)
		return nil, wait
	}
	known.underWay++
	return sync.OnceFunc(func() { l.release(known) }), 0
}

func (l *Limiter) release(known *caller) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known.underWay--
}

func (l *Limiter) caller(name string) *caller {
	if l.callers == nil {
		l.callers = map[string]*caller{}
	}
	if l.callers[name] == nil {
		l.callers[name] = &caller{bucket: rate.NewLimiter(rate.Limit(l.PerSecond), l.Burst)}
	}
	return l.callers[name]
}

// sweep forgets callers whom a new entry would not treat otherwise.
func (l *Limiter) sweep(now time.Time) {
	if l.since++; l.since < sweepEvery {
		return
	}
	l.since = 0
	for name, known := range l.callers {
		if known.underWay == 0 && known.bucket.TokensAt(now) >= float64(l.Burst) {
			delete(l.callers, name)
		}
	}
}
