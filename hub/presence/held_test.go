package presence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// stopped is a clock that is put on by hand.
type stopped struct{ at time.Time }

func (c *stopped) now() time.Time { return c.at }

func TestAHeldPollIsASignOfLife(t *testing.T) {
	clock := &stopped{time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	p := tracker(t, open(t), clock.now)
	p.Beat(key)
	quiet := 2 * time.Second
	release := p.Held(key, func() time.Duration { return quiet })
	clock.at = clock.at.Add(time.Minute)
	if got := p.View(key); got.Status != fairlead.Connected || !got.LastSeen.Equal(clock.at.Add(-quiet)) {
		t.Errorf("while its connection speaks: %s %s", got.Status, got.LastSeen)
	}
	quiet = fairlead.OfflineAfter
	if got := p.View(key); got.Status != fairlead.Offline {
		t.Errorf("after its connection fell silent: %s", got.Status)
	}
	quiet = fairlead.OfflineAfter - time.Second
	release()
	if got := p.View(key); got.Status != fairlead.Connected || !got.LastSeen.Equal(clock.at.Add(-quiet)) {
		t.Errorf("when the poll ends: %s %s", got.Status, got.LastSeen)
	}
	clock.at = clock.at.Add(2 * time.Second)
	if got := p.View(key); got.Status != fairlead.Offline {
		t.Errorf("two seconds after the poll: %s", got.Status)
	}
}

func TestWhatIsForgottenDoesNotComeBackWithItsPoll(t *testing.T) {
	p := tracker(t, open(t), time.Now)
	release := p.Held(key, func() time.Duration { return 0 })
	if err := p.Forget(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	release()
	if got := p.View(key); got.Status != fairlead.Connecting {
		t.Errorf("%s", got.Status)
	}
}

func TestManyClustersAreAskedForFewHeartbeats(t *testing.T) {
	p := tracker(t, open(t), time.Now)
	for i := range fairlead.ManyClusters {
		p.Beat(fmt.Sprint(i))
	}
	release := p.Held("0", func() time.Duration { return 0 })
	if got := p.Interval("0"); got != fairlead.HeartbeatInterval {
		t.Errorf("of %d: %s", fairlead.ManyClusters, got)
	}
	p.Beat("one more")
	for key, want := range map[string]time.Duration{"0": fairlead.SeldomInterval, "1": fairlead.HeartbeatInterval, "unknown": fairlead.HeartbeatInterval} {
		if got := p.Interval(key); got != want {
			t.Errorf("%s of one more: %s, want %s", key, got, want)
		}
	}
	release()
	if got := p.Interval("0"); got != fairlead.HeartbeatInterval {
		t.Errorf("without a poll: %s", got)
	}
}

// A cluster that had said its last word half a minute before the hub was killed, because nobody had asked for more, is not Offline
// when the hub is back.
func TestSeldomHeartbeatsOutliveTheHub(t *testing.T) {
	clock := &stopped{time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	db := open(t)
	before := tracker(t, db, clock.now)
	before.Beat(key)
	start(t, before)()
	clock.at = clock.at.Add(fairlead.SeldomInterval)
	before.Beat("another")
	start(t, before)()
	after := tracker(t, db, clock.now)
	if err := after.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.at = clock.at.Add(fairlead.OfflineAfter - time.Second)
	if got := after.View(key); got.Status != fairlead.Connected {
		t.Errorf("%s", got.Status)
	}
}
