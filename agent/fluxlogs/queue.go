package fluxlogs

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	// How many lines wait for the hub. When there are more, the oldest of the configuration with the most is left out, so that one
	// that has much to say does not silence the others, and the next line of it says how many.
	maxWaiting = 500
	aPost      = 100
	// Lines that come together are posted together.
	gather = time.Second
	// The pace at which a cluster's lines go to the hub: 300 in a minute, after as many at once.
	linesPerSecond, linesAtOnce = 5, 300
)

// queue holds the lines that are to be posted, in their order.
type queue struct {
	mu      sync.Mutex
	waiting []fairlead.FluxLog
	missing map[string]int // how many lines were left out before the next one, by configuration
	changed chan struct{}  // holds one signal
}

func (q *queue) add(line fairlead.FluxLog) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, line)
	q.shorten()
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// shorten leaves out lines until no more than maxWaiting are left. The lock is held.
func (q *queue) shorten() {
	for len(q.waiting) > maxWaiting {
		if q.missing == nil {
			q.missing = map[string]int{}
		}
		loudest := q.loudest()
		oldest := slices.IndexFunc(q.waiting, func(line fairlead.FluxLog) bool { return line.Configuration == loudest })
		q.missing[loudest] += 1 + q.waiting[oldest].Skipped
		q.waiting = slices.Delete(q.waiting, oldest, oldest+1)
	}
}

// loudest is the configuration with the most lines.
func (q *queue) loudest() string {
	counts := map[string]int{}
	for _, line := range q.waiting {
		counts[line.Configuration]++
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(counts)), func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
}

// take returns the lines of the next post; they wait no more.
func (q *queue) take() []fairlead.FluxLog {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := slices.Clone(q.waiting[:min(len(q.waiting), aPost)])
	q.waiting = slices.Delete(q.waiting, 0, len(lines))
	for i := range lines {
		lines[i].Skipped += q.missing[lines[i].Configuration]
		delete(q.missing, lines[i].Configuration)
	}
	return lines
}

// back puts lines before all others that wait, since the hub has not taken them.
func (q *queue) back(lines []fairlead.FluxLog) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.Concat(lines, q.waiting)
	q.shorten()
}

// post sends what waits until the end of ctx.
func (a *Agent) post(ctx context.Context) error {
	if _, err := a.Holder.Wait(ctx, a.Log); err != nil {
		return err
	}
	pacer := rate.NewLimiter(linesPerSecond, linesAtOnce)
	backoff, news := pace.Backoff{Min: 500 * time.Millisecond, Max: time.Minute}, rate.Sometimes{First: 1, Interval: time.Minute}
	for {
		lines := a.queue.take()
		if len(lines) == 0 {
			if err := a.await(ctx); err != nil {
				return err
			}
			continue
		}
		if err := a.Hub.FluxLogs(ctx, lines); err != nil {
			news.Do(func() {
				a.Log.WarnContext(ctx, "cannot report logs of Flux", slog.Int("lines", len(lines)), slog.String("error", err.Error()))
			})
			if !hopeless(err) {
				a.queue.back(lines)
			}
			if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
				return err
			}
			continue
		}
		backoff.Reset()
		if err := pacer.WaitN(ctx, len(lines)); err != nil {
			return err
		}
	}
}

// await waits for a line, and a little for those that come with it.
func (a *Agent) await(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.queue.changed:
		return pace.Wait(ctx, gather, nil)
	}
}

// hopeless reports whether the hub will never take lines, or an earlier one that does not know them.
func hopeless(err error) bool {
	return slices.Contains([]fairlead.Kind{fairlead.Invalid, fairlead.TooLarge, fairlead.NotFound}, fairlead.KindOf(err))
}
