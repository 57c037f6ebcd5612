package extensionevents

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	// How many events wait for the hub. When there are more, the oldest are left out, and an event says how many.
	maxWaiting = 1000
	aPost      = 100
	// How many events a process may number: the numbers of the next one begin behind them.
	anEpoch = 10_000_000
)

// queue holds the events that the hub has not acknowledged, in order.
type queue struct {
	mu      sync.Mutex
	next    int64
	waiting []fairlead.ExtensionEvent
	dropped int
	changed chan struct{} // holds one signal
}

func (q *queue) begin(epoch int64) { q.next = epoch * anEpoch }

func (q *queue) add(event fairlead.ExtensionEvent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	event.Sequence = q.next
	q.waiting = append(q.waiting, event)
	if len(q.waiting) > maxWaiting {
		// The first ones may be on their way to the hub; they are only told twice if they stay.
		q.waiting = slices.Delete(q.waiting, 0, len(q.waiting)-maxWaiting)
		q.dropped++
	}
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// first returns the events of the next post. Of what was left out, the first of them tells.
func (q *queue) first() (events []fairlead.ExtensionEvent, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	events = slices.Clone(q.waiting[:min(len(q.waiting), aPost)])
	if q.dropped > 0 && len(events) > 0 {
		events[0].Message += fmt.Sprintf(" (%d events before this one are left out)", q.dropped)
	}
	return events, q.dropped
}

// done removes events that the hub has.
func (q *queue) done(events []fairlead.ExtensionEvent, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := events[len(events)-1].Sequence
	q.waiting = slices.DeleteFunc(q.waiting, func(event fairlead.ExtensionEvent) bool { return event.Sequence <= last })
	q.dropped -= dropped
}

// post sends what waits until the end of ctx.
func (c *Collector) post(ctx context.Context) error {
	if _, err := c.Holder.Wait(ctx, c.Log); err != nil {
		return err
	}
	backoff, news := pace.Backoff{Min: 500 * time.Millisecond, Max: time.Minute}, rate.Sometimes{First: 1, Interval: time.Minute}
	for {
		events, dropped := c.queue.first()
		if len(events) == 0 {
			if err := wait(ctx, c.queue.changed); err != nil {
				return err
			}
			continue
		}
		err := c.Hub.ExtensionEvents(ctx, events)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case refused(err):
			c.Log.WarnContext(ctx, "the hub refuses events; they are left out", slog.Int("events", len(events)), slog.String("error", err.Error()))
		case err != nil:
			news.Do(func() {
				c.Log.WarnContext(ctx, "cannot report events of extensions", slog.String("error", err.Error()))
			})
			if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
				return err
			}
			continue
		}
		backoff.Reset()
		c.queue.done(events, dropped)
		c.remember(ctx, events)
	}
}

// refused reports whether the hub, or what is before it, will never take events.
func refused(err error) bool {
	kind := fairlead.KindOf(err)
	return kind == fairlead.Invalid || kind == fairlead.TooLarge
}

func wait(ctx context.Context, signal <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-signal:
		return nil
	}
}

// cut shortens a text to a number of bytes, between two characters.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	end := min(len(text), most-len("…"))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
