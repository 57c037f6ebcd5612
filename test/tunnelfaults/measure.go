package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/link"
	"github.com/fairlead/fairlead/test/tunnelfaults/site"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

// What is allowed.
const (
	joinLimit = 30 * time.Second
	recovery  = 30 * time.Second
	// So long a peer that says nothing may count as alive, ping by ping, and so long it takes to come back.
	notice   = 15 * time.Second
	comeBack = 5 * time.Second
	// A request of ours that asks only whether requests work is given up then.
	impatience = 2 * time.Second
	// Machines pause by themselves: others are harmed when the slowest of a hundred takes so many times longer than
	// before, and longer than harmless.
	factor   = 10
	harmless = 250 * time.Millisecond
	// What may be held more than before, since pools and caches fill. A leak a stream or a reconnect is more.
	spareGoroutines = 12
	spareHeap       = 12 << 20
	settleLimit     = 45 * time.Second
	baseline        = 2 * time.Second
	loaders         = 8
)

type linkShape = link.Shape

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// works asks until an answer is right, and says how long that took.
func (s *scene) works(ctx context.Context, limit time.Duration) (took time.Duration, err error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for number := 0; ; number++ {
		err = s.once(ctx, fmt.Sprintf("works-%d", number))
		took = time.Since(began)
		if err == nil || errors.Is(err, visitor.ErrWrong) {
			return took, err
		}
		if site.Rest(ctx, 100*time.Millisecond) != nil {
			return took, err
		}
	}
}

func (s *scene) once(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, impatience)
	defer cancel()
	return s.caller.Small(ctx, name)
}

// held is what both sides hold.
type held struct{ Hub, Own site.Usage }

// calm waits until all is quiet, and not more is held than before, and says what is.
func (s *scene) calm(ctx context.Context, before *held) (*held, error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for last := (*held)(nil); ; {
		s.caller.HTTP.CloseIdleConnections()
		s.API.CloseIdle()
		if site.Rest(ctx, time.Second) != nil {
			return last, nil
		}
		hub, err := s.Hub.Usage(ctx)
		if err != nil && ctx.Err() != nil && last != nil {
			return last, nil
		}
		if err != nil {
			return nil, err
		}
		now := &held{Hub: hub, Own: site.Own()}
		quiet := last != nil && now.Hub.Goroutines >= last.Hub.Goroutines && now.Own.Goroutines >= last.Own.Goroutines
		if quiet && (before == nil || s.fits(before, now)) && s.API.Streams() == 0 {
			return now, nil
		}
		last = now
	}
}

func (s *scene) fits(before, now *held) bool {
	return now.Hub.Goroutines <= before.Hub.Goroutines+spareGoroutines && now.Own.Goroutines <= before.Own.Goroutines+spareGoroutines &&
		now.Hub.Heap <= before.Hub.Heap+spareHeap && now.Own.Heap <= before.Own.Heap+spareHeap
}

func (s *scene) compare(before, after *held) {
	s.must(s.API.Streams() == 0, "no stream is left at the API server", "%d", s.API.Streams())
	for _, side := range []struct {
		name          string
		before, after site.Usage
	}{{"the hub", before.Hub, after.Hub}, {"this side (agents, API server, callers)", before.Own, after.Own}} {
		s.must(side.after.Goroutines <= side.before.Goroutines+spareGoroutines,
			fmt.Sprintf("at most %d goroutines more than before in %s", spareGoroutines, side.name), "%d, before %d", side.after.Goroutines, side.before.Goroutines)
		s.must(side.after.Heap <= side.before.Heap+spareHeap,
			fmt.Sprintf("at most %d MiB of heap more than before in %s", spareHeap>>20, side.name), "%.1f MiB, before %.1f", mebibytes(side.after.Heap), mebibytes(side.before.Heap))
	}
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// load is callers that ask for small documents all the time.
type load struct {
	cancel  context.CancelFunc
	callers sync.WaitGroup

	mu     sync.Mutex
	took   []time.Duration
	failed []error
}

func (s *scene) startLoad(ctx context.Context, workers int) *load {
	l := &load{}
	ctx, l.cancel = context.WithCancel(ctx)
	for worker := range workers {
		l.callers.Go(func() {
			for number := 0; ctx.Err() == nil; number++ {
				began := time.Now()
				err := s.caller.Small(ctx, fmt.Sprintf("load-%d-%d", worker, number))
				if ctx.Err() == nil {
					l.note(time.Since(began), err)
				}
			}
		})
	}
	return l
}

func (l *load) note(took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	if err != nil {
		l.failed = append(l.failed, err)
	}
}

// stop ends the callers.
func (l *load) stop() {
	l.cancel()
	l.callers.Wait()
	slices.Sort(l.took)
}

func (l *load) percentile(share float64) time.Duration { return percentile(l.took, share) }

func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// undisturbed is how load does without a fault.
func (s *scene) undisturbed(ctx context.Context) (*load, error) {
	l := s.startLoad(ctx, loaders)
	err := site.Rest(ctx, baseline)
	l.stop()
	if len(l.failed) > 0 {
		err = errors.Join(err, fmt.Errorf("before the fault: %w", l.failed[0]))
	}
	return l, err
}

// unharmed states that others did not suffer.
func (s *scene) unharmed(before, during *load) {
	s.must(len(during.failed) == 0, "no request of others fails", "%d of %d%s", len(during.failed), len(during.took), example(during.failed))
	limit := max(factor*before.percentile(.99), harmless)
	s.must(during.percentile(.99) <= limit && len(during.took) > 0, fmt.Sprintf("others' p99 is at most %d times what it was, or %s", factor, harmless),
		"%s, before %s (p50 %s, before %s; %d requests)", round(during.percentile(.99)), round(before.percentile(.99)), round(during.percentile(.5)),
		round(before.percentile(.5)), len(during.took))
}

func example(failed []error) string {
	if len(failed) == 0 {
		return ""
	}
	return ", such as: " + failed[0].Error()
}
