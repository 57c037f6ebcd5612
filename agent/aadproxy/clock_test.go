package aadproxy_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/aadproxy"
)

// unsteady is a hub whose time is known from a clock that somebody puts, until the hub's next answer.
type unsteady struct {
	*hub

	off, corrected atomic.Int64
}

func (u *unsteady) now() time.Time { return time.Now().Add(time.Duration(u.off.Load())) }

func (u *unsteady) HubTime() time.Time { return u.now().Add(-time.Duration(u.corrected.Load())) }

func (u *unsteady) Document(ctx context.Context, path string) ([]byte, error) {
	u.corrected.Store(u.off.Load())
	return u.hub.Document(ctx, path)
}

func TestAClockThatIsPutIsNoticed(t *testing.T) {
	_, api := newAPIServer(t)
	var clock *unsteady
	f := newFixture(t, api, func(c *aadproxy.Config) {
		clock = &unsteady{hub: c.Hub.(*hub)} //nolint:forcetypeassert // the fixture's
		c.Hub, c.Now = clock, clock.now
	})
	f.mustPut(nil)
	for _, off := range []time.Duration{time.Hour, 0, -time.Hour} {
		clock.off.Store(int64(off))
		// The hub states for its own time, which has not changed.
		if code, text := f.put(f.hub.state(nil)); code != http.StatusNoContent {
			t.Errorf("%s: %d %s", off, code, text)
		}
	}
}
