package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/relay"
)

// turned is a clock that can be set forward.
type turned struct{ by atomic.Int64 }

func (o *turned) now() time.Time { return time.Now().Add(time.Duration(o.by.Load())) }

// standingWith is standing with a changed relay.
func standingWith(t testing.TB, change func(*relay.Server)) (*cluster, *far) {
	t.Helper()
	c := newHub(t, change).connect(t, "edge-1")
	c.allow(t)
	far := newFar(t, c, apiServer())
	c.tunnel(t, far)
	c.awaitTunnel(t)
	return c, far
}

// Rights change while many requests are under way: none of them fails for it, however statements overtake each other.
func TestNoRequestFailsWhileRightsChange(t *testing.T) {
	c, _ := standing(t)
	var failures atomic.Int64
	var asking sync.WaitGroup
	done := make(chan struct{})
	for range 16 {
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if answer, text := c.ask(t, http.MethodPost, "/small", func(r *http.Request) {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader("content")), 7
				}); answer.StatusCode != http.StatusOK {
					failures.Add(1)
					t.Logf("%d %s", answer.StatusCode, short(text))
				}
			}
		})
	}
	for i := range 30 {
		check(t, c.hub.access.Assign(t.Context(), userID, access.ArcViewer, fmt.Sprintf("%s/namespaces/n%d", c.id, i)))
	}
	close(done)
	asking.Wait()
	if n := failures.Load(); n > 0 {
		t.Errorf("%d requests failed", n)
	}
}

// Statements end after two minutes: whoever has something open is stated again before that, without asking for anything.
func TestStatementsAreRenewed(t *testing.T) {
	var clock turned
	c, far := standingWith(t, func(s *relay.Server) { s.Now = clock.now })
	pingPong(t, c.upgraded(t, "raw"), "hello")
	first, before := far.newest()
	clock.by.Store(int64(61 * time.Second))
	eventually(t, "the next statement", func() bool { _, puts := far.newest(); return puts == before+1 })
	if next, _ := far.newest(); next.ID == first.ID || next.Expiry < first.Expiry+60 {
		t.Errorf("%+v after %+v", next, first)
	}
}

// A caller who does not read holds what others could use, and is cut.
func TestStalledCallersAreCut(t *testing.T) {
	var clock turned
	c, _ := standingWith(t, func(s *relay.Server) { s.Now = clock.now })
	idle := c.upgraded(t, "raw") // whoever has nothing to read is not stalled
	pingPong(t, idle, "hello")
	c.begin1(t, c.hub.raw(t), http.MethodGet, "/flood", "") //nolint:bodyclose // nobody reads it
	eventually(t, "the stall", func() bool {
		clock.by.Add(int64(61 * time.Second))
		c.hub.audit.mu.Lock()
		defer c.hub.audit.mu.Unlock()
		n := len(c.hub.audit.endings)
		return n > 0 && c.hub.audit.endings[n-1].Reason == "Stalled"
	})
	pingPong(t, idle, "hello again")
}

// One caller may have so many requests under way; the next is told to come again, and another caller is not.
func TestTooManyRequestsOfOneCaller(t *testing.T) {
	c, _ := standing(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var blocked sync.WaitGroup
	bearer := c.hub.bearer(t)
	for range 256 {
		blocked.Go(func() {
			for ctx.Err() == nil { // one that meets the limit itself tries again
				c.block(ctx, t, bearer)
			}
		})
	}
	eventually(t, "the limit", func() bool {
		answer, text := c.ask(t, http.MethodGet, "/api")
		if answer.StatusCode != http.StatusTooManyRequests {
			return false
		}
		_, reason, _ := status(t, text)
		return reason == "TooManyRequests" && answer.Header.Get("Retry-After") == "1"
	})
	pingPong(t, c.upgraded(t, "raw"), "what stays long is counted by itself")
	cancel()
	blocked.Wait()
}

// block makes a request that ends with ctx.
func (c *cluster) block(ctx context.Context, t *testing.T, bearer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url("/block"), nil)
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+bearer)
	if answer, err := c.hub.client.Do(request); err == nil {
		_ = answer.Body.Close()
	}
}

// recorder changes what it sees, to prove that it is in between; or refuses.
type recorder struct {
	refuse  atomic.Bool
	session atomic.Pointer[relay.Session]
}

func (o *recorder) Record(_ context.Context, session relay.Session, stream io.ReadWriteCloser) (io.ReadWriteCloser, error) {
	o.session.Store(&session)
	if o.refuse.Load() {
		return nil, errors.New("the disk is full")
	}
	return shouting{stream}, nil
}

type shouting struct{ io.ReadWriteCloser }

func (s shouting) Write(p []byte) (int, error) {
	return s.ReadWriteCloser.Write(bytes.ToUpper(p))
}

func TestSessionsAreRecorded(t *testing.T) {
	var seen recorder
	c, _ := standingWith(t, func(s *relay.Server) { s.Recorder = &seen })
	conn := c.hub.raw(t)
	answer := c.begin1(t, conn, http.MethodGet, "/exec", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0\r\n") //nolint:bodyclose // the connection is the body
	_, err := io.WriteString(conn, "hello")
	check(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(conn, got)
	check(t, err)
	session := seen.session.Load()
	if string(got) != "HELLO" || session.Protocol != "websocket" || session.Subprotocol != "v5.channel.k8s.io" || session.Path != "/exec" {
		t.Errorf("%q %+v", got, session)
	}
	if protocol := answer.Header.Get("Sec-WebSocket-Protocol"); protocol != "v5.channel.k8s.io" {
		t.Errorf("the token got through: %q", protocol)
	}
	seen.refuse.Store(true)
	if refused, text := c.ask1(t, http.MethodGet, "/exec", "Connection: Upgrade\r\nUpgrade: websocket\r\n"); refused.StatusCode < 500 {
		t.Errorf("%d %s", refused.StatusCode, short(text))
	}
}
