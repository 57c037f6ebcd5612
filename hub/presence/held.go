package presence

import (
	"slices"
	"time"

	"github.com/fairlead/fairlead"
)

// poll is a long poll that a cluster holds.
type poll struct{ quiet func() time.Duration }

// Held notes that a cluster holds a long poll on a connection of its own, so that whatever comes on that connection is a sign of
// life. Quiet says for how long nothing has come. The poll is held until it is released.
func (t *Tracker) Held(key string, quiet func() time.Duration) (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, one := t.cluster(key), &poll{quiet}
	known.polls = append(known.polls, one)
	return func() { t.release(key, known, one) }
}

func (t *Tracker) release(key string, known *cluster, one *poll) {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	known.seen(now.Add(-one.quiet()))
	known.polls = slices.DeleteFunc(known.polls, func(other *poll) bool { return other == one })
	if t.clusters[key] == known { // else it was forgotten meanwhile
		t.changed[key] = struct{}{}
	}
}

// Interval returns how soon a cluster has to send its next heartbeat. Of many clusters, those that hold a poll are asked for few: a
// heartbeat is a signed request, and what comes by their connection says as much.
func (t *Tracker) Interval(key string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.clusters[key]
	if known == nil || len(known.polls) == 0 || len(t.clusters) <= fairlead.ManyClusters {
		return fairlead.HeartbeatInterval
	}
	return fairlead.SeldomInterval
}

// lastSeen returns when the last sign of life came.
func (c *cluster) lastSeen(now time.Time) time.Time {
	last := c.view.LastSeen
	for _, one := range c.polls {
		if heard := now.Add(-one.quiet()); heard.After(last) {
			last = heard
		}
	}
	return last
}
