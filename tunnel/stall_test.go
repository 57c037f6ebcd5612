package tunnel_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// stalling is how many readers stall, those that began early and those that did later, and how many are cut off.
type stalling struct{ early, late, cutAfterFiveSeconds, cutAfterAnHour int }

// Those that wait longest are cut off, when they are too many, and nobody else is.
func TestTooManyThatStall(t *testing.T) {
	for name, c := range map[string]stalling{
		"FewMayPause":   {32, 0, 0, 0},
		"OneTooMany":    {1, 32, 0, 1},
		"AllAtOnce":     {300, 0, 44, 268},
		"NothingStalls": {0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, c.check) })
	}
}

func (c stalling) check(t *testing.T) {
	ended := make(chan string, 1000)
	client, _, _ := wired(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endless(w, r)
		ended <- r.URL.Path
	}))
	stall := func(path string, times int) {
		for range times {
			began(t, client, path) //nolint:bodyclose // it is, at the end
		}
	}
	stall("/stall/early", c.early)
	<-time.After(time.Second)
	stall("/stall/late", c.late)
	<-time.After(12 * time.Second)
	synctest.Wait()
	if len(ended) != c.cutAfterFiveSeconds {
		t.Errorf("%d were cut off soon", len(ended))
	}
	<-time.After(time.Hour)
	synctest.Wait()
	if len(ended) != c.cutAfterAnHour {
		t.Errorf("%d were cut off", len(ended))
	}
	for range len(ended) {
		if path := <-ended; path != "/stall/early" {
			t.Errorf("one of %s was cut off", path)
		}
	}
}
