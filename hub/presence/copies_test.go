package presence

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// voice is one process that sends heartbeats.
type voice struct {
	fairlead.Origin
}

func newVoice(uid, instance string, epoch int64) *voice {
	return &voice{fairlead.Origin{ClusterUID: uid, Instance: instance, Epoch: epoch, Confirmed: true}}
}

func (v *voice) next() fairlead.Origin {
	v.Sequence++
	return v.Origin
}

// ear is a hub's, with a clock that moves five seconds with each round.
type ear struct {
	origins

	now time.Time
}

// round hears each voice once, one after the other.
func (e *ear) round(voices ...*voice) {
	e.now = e.now.Add(fairlead.HeartbeatInterval)
	for i, v := range voices {
		e.hear(v.next(), e.now.Add(time.Duration(i)*time.Second))
	}
}

func (e *ear) rounds(count int, voices ...*voice) {
	for range count {
		e.round(voices...)
	}
}

func (e *ear) says() ConflictKind {
	if found := e.current(e.now); found != nil {
		return found.Kind
	}
	return ""
}

func TestCopiesAreNoticed(t *testing.T) {
	cases := map[string]struct {
		reason string
		play   func(e *ear)
		want   ConflictKind
	}{
		"SameKey": {"the key was copied into another cluster", func(e *ear) {
			e.rounds(3, newVoice("uid-a", "a", 1), newVoice("uid-b", "b", 1))
		}, TwoClusters},
		"CloneStartsAnew": {"a snapshot was restored beside the original; both agents were started after it was made", func(e *ear) {
			e.rounds(3, newVoice("uid", "a", 5), newVoice("uid", "b", 5))
		}, Copy},
		"CloneOfLongAgo": {"the original was restarted several times since the snapshot", func(e *ear) {
			e.rounds(30, newVoice("uid", "a", 9), newVoice("uid", "b", 6))
		}, Copy},
		"CloneWithMemory": {"a virtual machine runs twice from one image of its memory", func(e *ear) {
			original := newVoice("uid", "a", 5)
			copied := *original
			e.rounds(100, original)
			e.rounds(10, original, &copied)
		}, Copy},
		"CloneWithMemoryAtOnce": {"both count from the same number", func(e *ear) {
			original := newVoice("uid", "a", 5)
			copied := *original
			e.rounds(10, original, &copied)
		}, Copy},
		"Alone":     {"nothing is wrong", func(e *ear) { e.rounds(100, newVoice("uid", "a", 1)) }, ""},
		"Restarted": {"a pod was restarted", func(e *ear) { e.rounds(9, newVoice("uid", "a", 1)); e.rounds(9, newVoice("uid", "b", 2)) }, ""},
		"RollingUpdate": {"the old pod ends after the new one has begun", func(e *ear) {
			old, fresh := newVoice("uid", "a", 1), newVoice("uid", "b", 2)
			e.rounds(9, old)
			e.rounds(12, old, fresh)
			e.rounds(30, fresh)
		}, ""},
		"Partitioned": {"the old pod's node cannot reach the API server, but the hub", func(e *ear) {
			old, fresh := newVoice("uid", "a", 1), newVoice("uid", "b", 2)
			old.Confirmed = false
			e.rounds(500, old, fresh)
		}, ""},
		"CrashLoop": {"many starts", func(e *ear) {
			for i := range int64(50) {
				e.round(newVoice("uid", string(rune('a'+i)), i))
			}
		}, ""},
		"Moved": {"the agents' objects were restored into another cluster, and the first one is no more", func(e *ear) {
			e.rounds(9, newVoice("uid-a", "a", 1))
			e.rounds(9, newVoice("uid-b", "b", 2))
		}, ""},
		"RestoredFromBackup": {"the cluster's own state went back, and nothing runs twice", func(e *ear) {
			e.rounds(9, newVoice("uid", "a", 9))
			e.rounds(30, newVoice("uid", "b", 4))
		}, ""},
		"NoRights": {"agents of an older chart cannot tell", func(e *ear) { e.rounds(99, newVoice("", "a", 0), newVoice("", "b", 0)) }, ""},
		"OvertakingNowAndThen": {"requests overtake one another on a bad line", func(e *ear) {
			v := newVoice("uid", "a", 1)
			for range 20 {
				e.rounds(6, v)
				late := v.Origin
				late.Sequence--
				e.hear(late, e.now)
			}
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := &ear{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
			c.play(e)
			if got := e.says(); got != c.want {
				t.Errorf("%q, want %q: %s", got, c.want, c.reason)
			}
			if len(e.known) > maxOrigins {
				t.Errorf("%d origins are remembered", len(e.known))
			}
		})
	}
}

func TestConflictEnds(t *testing.T) {
	e := &ear{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	a, b := newVoice("uid-a", "a", 1), newVoice("uid-b", "b", 1)
	e.rounds(3, a, b)
	since := e.current(e.now).Since
	e.rounds(50, a)
	if e.says() != TwoClusters || !e.current(e.now).Since.Equal(since) {
		t.Error("the conflict was forgotten too early, or began anew")
	}
	e.rounds(20, a)
	if e.says() != "" {
		t.Error("the conflict does not end")
	}
}
