package relay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/relay"
)

// sweeps is longer than the relay takes to look at who has something open, and to give up telling a cluster.
const sweeps = 6 * time.Second

// keep lets statements wait for the function that is returned.
func (f *far) keep() (release func()) {
	kept := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = kept
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.kept = nil
		close(kept)
	}
}

func (f *far) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.passed
}

// Who waits for an answer when a call is cut gets one that says why. A write deadline of now made the hub encrypt it, not send it, and
// end the connection with a record that looked forged.
func TestACallThatIsCutIsAnswered(t *testing.T) {
	c, far := standing(t)
	before := far.count()
	go func() {
		eventually(t, "the call", func() bool { return far.count() > before })
		far.mu.Lock()
		far.deaf = true
		far.mu.Unlock()
		if err := c.hub.access.Assign(t.Context(), userID, access.ArcViewer, c.id.String()); err != nil {
			t.Error(err)
		}
	}()
	answer, text := c.ask1(t, http.MethodGet, "/block", "")
	if message, reason, _ := status(t, text); answer.StatusCode != http.StatusServiceUnavailable || reason != "ServiceUnavailable" || !strings.Contains(message, "did not take in time") {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
}

// A cluster that is slow to take the first statement of a caller keeps that caller waiting, and no more.
func TestACallIsNotCutBeforeItIsIntroduced(t *testing.T) {
	c := newHub(t).connect(t, "edge-1")
	c.allow(t)
	far := newFar(t, c, apiServer())
	c.tunnel(t, far)
	release := far.keep()
	time.AfterFunc(sweeps, release)
	if answer, text := c.ask(t, http.MethodGet, "/version"); answer.StatusCode != http.StatusOK {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
}

// A statement that is only renewed says nothing new: what is open goes on with the one before until the cluster has taken it.
func TestASlowRenewalEndsNothing(t *testing.T) {
	var clock turned
	c, far := standingWith(t, func(s *relay.Server) { s.Now = clock.now })
	open := c.upgraded(t, "raw")
	pingPong(t, open, "hello")
	_, before := far.newest()
	release := far.keep()
	clock.by.Store(int64(61 * time.Second))
	waited := make(chan struct{})
	time.AfterFunc(sweeps, func() { close(waited) })
	within(t, waited)
	release()
	eventually(t, "the next statement", func() bool { _, puts := far.newest(); return puts > before })
	pingPong(t, open, "hello again")
}
