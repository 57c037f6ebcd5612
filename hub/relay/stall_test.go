package relay

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/identity"
)

// A person may pause a log; who leaves many unread holds what others need, and loses those that wait longest.
func TestPausedStreamsAreLeftToACaller(t *testing.T) {
	now := time.Now()
	s := &Server{Now: func() time.Time { return now }}
	var paused []*call
	begin := func(principal string, of kind, silent time.Duration) *call {
		c := &call{kind: of, who: who{Principal: access.Principal{ObjectID: principal}}, cluster: identity.Cluster{Key: principal}}
		c.busy.Store(now.Add(-silent).UnixNano())
		s.open.enter(c)
		return c
	}
	for i := range mostPaused + 2 {
		paused = append(paused, begin("many", long, time.Hour-time.Duration(i)*time.Minute))
	}
	other := begin("other", long, 24*time.Hour)
	fresh := begin("other", short, stalledAfter-time.Second)
	list := begin("other", short, stalledAfter+time.Second)
	s.cutStalled()
	for i, c := range paused {
		if cut := c.ending.Reason == "Stalled"; cut != (i < 2) {
			t.Errorf("stream %d of %d: cut is %t", i, len(paused), cut)
		}
	}
	if other.ending.Reason != "" || fresh.ending.Reason != "" || list.ending.Reason != "Stalled" {
		t.Errorf("one paused: %q, a short silence: %q, a list: %q", other.ending.Reason, fresh.ending.Reason, list.ending.Reason)
	}
}
