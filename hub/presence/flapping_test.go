package presence_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/presence"
)

const loss = 0.02

// flaps plays an hour of one cluster's heartbeats and counts how often the inventory said that it was
// not there. The agent tries again afterLoss later.
func flaps(p *presence.Tracker, now *time.Time, name string, random *rand.Rand, afterLoss time.Duration) int {
	count := 0
	p.Beat(name)
	for end := now.Add(time.Hour); now.Before(end); {
		wait := fairlead.HeartbeatInterval
		for random.Float64() < loss {
			wait += afterLoss
		}
		*now = now.Add(wait - time.Millisecond)
		if p.View(name).Status != fairlead.Connected {
			count++
		}
		*now = now.Add(time.Millisecond)
		p.Beat(name)
	}
	return count
}

func playAll(t *testing.T, afterLoss time.Duration) int {
	t.Helper()
	now, total := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), 0
	p := tracker(t, &unreliable{}, func() time.Time { return now })
	random := rand.New(rand.NewPCG(2026, 11))
	for i := range 1000 {
		total += flaps(p, &now, fmt.Sprintf("cluster-%d", i), random, afterLoss)
	}
	return total
}

func TestNobodyFlapsAtTwoPercentLoss(t *testing.T) {
	if got := playAll(t, fairlead.HeartbeatTimeout); got != 0 {
		t.Errorf("%d flaps in a thousand hours of agents that retry at once", got)
	}
	if got := playAll(t, fairlead.HeartbeatInterval); got == 0 {
		t.Error("agents that wait for the next turn do not flap either, so this test shows nothing")
	}
}
