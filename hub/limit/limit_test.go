package limit

import (
	"strconv"
	"testing"
	"time"
)

func newLimiter() (*Limiter, *time.Time) {
	now := time.Unix(1_800_000_000, 0)
	return &Limiter{PerSecond: 2, Burst: 5, AtOnce: 3, Now: func() time.Time { return now }}, &now
}

func TestACallerHasARateOfItsOwn(t *testing.T) {
	limiter, now := newLimiter()
	for i := range 5 {
		release, wait := limiter.Take("ana")
		if wait != 0 {
			t.Fatalf("request %d has to wait %s", i, wait)
		}
		release()
	}
	if _, wait := limiter.Take("ana"); wait != 500*time.Millisecond {
		t.Errorf("ana has to wait %s, want half a second", wait)
	}
	if _, wait := limiter.Take("bo"); wait != 0 {
		t.Errorf("bo has to wait %s for what ana did", wait)
	}
	*now = now.Add(500 * time.Millisecond)
	if _, wait := limiter.Take("ana"); wait != 0 {
		t.Errorf("ana has to wait %s more: refused requests must cost nothing", wait)
	}
}

func TestACallerHasSoManyRequestsAtOnce(t *testing.T) {
	limiter, _ := newLimiter()
	var releases []func()
	for range 3 {
		release, wait := limiter.Take("ana")
		if wait != 0 {
			t.Fatal("refused too early")
		}
		releases = append(releases, release)
	}
	if _, wait := limiter.Take("ana"); wait == 0 {
		t.Error("a fourth request at once was taken")
	}
	releases[0]()
	releases[0]() // ending a request twice ends it once
	if _, wait := limiter.Take("ana"); wait != 0 {
		t.Error("the place of an ended request was not given away")
	}
	if _, wait := limiter.Take("ana"); wait == 0 {
		t.Error("a request that was ended twice gave two places away")
	}
}

func TestSilentCallersAreForgotten(t *testing.T) {
	limiter, now := newLimiter()
	held, _ := limiter.Take("held")
	for i := range 3 * sweepEvery {
		release, wait := limiter.Take(strconv.Itoa(i))
		if wait != 0 {
			t.Fatal("a stranger has to wait")
		}
		release()
		*now = now.Add(time.Millisecond)
	}
	if n := len(limiter.callers); n > 2*sweepEvery {
		t.Errorf("%d callers are remembered", n)
	}
	if limiter.callers["held"] == nil {
		t.Error("a caller with a request under way was forgotten")
	}
	held()
}
