package metadata

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
)

// mute is a hub behind a line that swallows some heartbeats: the caller hears nothing at all.
type mute struct {
	swallows func(beat int) bool
	sent     int
	arrived  []time.Time
}

func (m *mute) Heartbeat(ctx context.Context, _ fairlead.Heartbeat) (fairlead.HeartbeatResponse, error) {
	m.sent++
	if m.swallows(m.sent) {
		<-ctx.Done()
		return fairlead.HeartbeatResponse{}, ctx.Err()
	}
	m.arrived = append(m.arrived, time.Now())
	return fairlead.HeartbeatResponse{IntervalSeconds: int(fairlead.HeartbeatInterval.Seconds())}, nil
}

// beating runs the heartbeats of a cluster for a while and returns their log.
func beating(t *testing.T, hub Hub, during time.Duration) string {
	t.Helper()
	var log strings.Builder
	o := &Operator{
		Hub: hub, Holder: &identity.Holder{}, Log: slog.New(slog.NewTextHandler(&log, nil)), Ready: func(error) {},
		found: &facts{nodes: 1}, version: "v1.34.1",
	}
	o.prepare()
	o.Holder.Set(&identity.Identity{}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	if err := o.beat(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the heartbeats ended with %v", err)
	}
	return log.String()
}

func TestLostHeartbeatsDoNotShowOffline(t *testing.T) {
	cases := map[string]struct {
		reason   string
		swallows func(beat int) bool
		within   time.Duration
	}{
		"None":   {"the plain rhythm", func(int) bool { return false }, 6 * time.Second},
		"One":    {"one lost packet", func(n int) bool { return n%3 == 0 }, 10 * time.Second},
		"Two":    {"two in a row still leave two seconds", func(n int) bool { return n%4 > 1 }, fairlead.OfflineAfter - 2*time.Second},
		"Outage": {"after a minute without an answer the next one is soon there", func(n int) bool { return n > 2 && n < 12 }, 80 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := &mute{swallows: c.swallows}
				log := beating(t, hub, 10*time.Minute)
				if len(hub.arrived) < 20 {
					t.Fatalf("%s: only %d heartbeats arrived", c.reason, len(hub.arrived))
				}
				for i, at := range hub.arrived[1:] {
					if gap := at.Sub(hub.arrived[i]); gap > c.within {
						t.Errorf("%s: %s without a sign of life, want at most %s\n%s", c.reason, gap, c.within, log)
					}
				}
			})
		})
	}
}

func TestALongOutageIsLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := beating(t, &mute{swallows: func(int) bool { return true }}, 10*time.Minute)
		if n := strings.Count(log, "still gets no heartbeats"); n < 5 || n > 11 {
			t.Errorf("%d lines in ten minutes, want about one each:\n%s", n, log)
		}
	})
}
