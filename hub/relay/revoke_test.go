package relay_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// soon is how long a right may last that was taken away.
const soon = 5 * time.Second

// opened is something that a caller has open; done is closed when it has ended.
type opened struct {
	name string
	done chan struct{}
}

// openAll opens a watch over each version of HTTP, and streams by upgrades as exec and port-forward have them.
func openAll(t testing.TB, c *cluster) []opened {
	t.Helper()
	var all []opened
	for name, client := range map[string]*http.Client{"Watch2": c.hub.client, "Watch1": c.hub.http1(t)} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url("/watch?watch=true"), nil)
		check(t, err)
		request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
		answer, err := client.Do(request)
		check(t, err)
		t.Cleanup(func() { _ = answer.Body.Close() })
		lines := bufio.NewReader(answer.Body)
		if line, err := lines.ReadString('\n'); line != "event\n" {
			t.Fatalf("%q %v", line, err)
		}
		all = append(all, follow(name, lines))
	}
	for _, protocol := range []string{"websocket", "SPDY/3.1", "raw"} {
		conn := c.upgraded(t, protocol)
		pingPong(t, conn, "hello")
		all = append(all, follow(protocol, conn))
	}
	return all
}

func follow(name string, from io.Reader) opened {
	one := opened{name, make(chan struct{})}
	go func() {
		defer close(one.done)
		_, err := io.Copy(io.Discard, from)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			panic("it did not end")
		}
	}()
	return one
}

func (o opened) open() bool {
	select {
	case <-o.done:
		return false
	default:
		return true
	}
}

func TestOpenStreamsEndWithTheRightToThem(t *testing.T) {
	ends := map[string]func(ctx context.Context, c *cluster) error{
		"Role": func(ctx context.Context, c *cluster) error { return c.hub.access.Forget(ctx, userID) },
		"Disabled": func(ctx context.Context, c *cluster) error {
			_, err := c.hub.db.ChangePrincipal(ctx, userID, func(p *store.Principal) error { p.Disabled = true; return nil }, nil, time.Time{})
			return err
		},
		"Principal": func(ctx context.Context, c *cluster) error { return c.hub.db.DeletePrincipal(ctx, userID) },
		"Group":     func(ctx context.Context, c *cluster) error { return c.hub.db.RemoveMember(ctx, groupID, userID) },
		"Cluster": func(ctx context.Context, c *cluster) error {
			return c.hub.db.DeleteResource(ctx, c.id.Key(), store.AnyState)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := newHub(t).connect(t, "edge-1")
			whom := userID
			if name == "Group" {
				whom = groupID
			}
			check(t, c.hub.access.Assign(t.Context(), whom, access.ArcClusterUser, c.id.String()))
			c.tunnel(t, newFar(t, c, apiServer()))
			c.awaitTunnel(t)
			all := openAll(t, c)
			started := time.Now()
			check(t, end(t.Context(), c))
			for _, one := range all {
				within(t, one.done)
				if took := time.Since(started); took > soon {
					t.Errorf("%s went on for %s", one.name, took)
				}
			}
			if answer, text := c.ask(t, http.MethodGet, "/api"); answer.StatusCode < 401 || answer.StatusCode > 404 {
				t.Errorf("%d %s", answer.StatusCode, short(text))
			}
		})
	}
}

// What others do does not end what is open, and a new statement is sent when rights have changed, without a request.
func TestStatementsFollowRights(t *testing.T) {
	c, far := standing(t)
	all := openAll(t, c)
	_, before := far.newest()
	ctx := t.Context()
	check(t, c.hub.access.Assign(ctx, "somebody", access.Reader, "/subscriptions/other"))
	check(t, c.hub.access.Assign(ctx, userID, access.ArcWriter, c.id.String()+"/namespaces/shop"))
	took := eventually(t, "the new statement", func() bool { said, puts := far.newest(); return puts == before+1 && len(said.Grants) == 1 })
	check(t, c.hub.db.RemoveMember(ctx, groupID, userID))
	took = max(took, eventually(t, "the next statement", func() bool {
		_, puts := far.newest()
		return puts == before+2
	}))
	if took > soon {
		t.Errorf("it took %s", took)
	}
	for _, one := range all {
		if !one.open() {
			t.Errorf("%s has ended", one.name)
		}
	}
}

// A cluster that does not take a statement must not keep what it has for others to wait for.
func TestStreamsEndWhenTheClusterDoesNotListen(t *testing.T) {
	c, far := standing(t)
	all := openAll(t, c)
	healthy := c.hub.connect(t, "edge-2")
	healthy.allow(t)
	healthy.tunnel(t, newFar(t, healthy, apiServer()))
	healthy.awaitTunnel(t)
	others := openAll(t, healthy)
	far.mu.Lock()
	far.deaf = true
	far.mu.Unlock()
	started := time.Now()
	check(t, c.hub.access.Assign(t.Context(), userID, access.ArcViewer, c.id.String()))
	for _, one := range all {
		within(t, one.done)
	}
	if took := time.Since(started); took > soon {
		t.Errorf("streams went on for %s", took)
	}
	for _, one := range others {
		if !one.open() {
			t.Errorf("%s of another cluster has ended", one.name)
		}
	}
}

// Bytes pass both ways at once, and the end of one direction is not the end of the other.
func TestUpgradedStreamsPassBytes(t *testing.T) {
	c, _ := standing(t)
	conn := c.upgraded(t, "websocket")
	const size = 32 << 20
	go func() {
		chunk := make([]byte, 32<<10)
		for range size / len(chunk) {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	}()
	if n, err := io.CopyN(io.Discard, conn, size); n != size {
		t.Fatalf("%d %v", n, err)
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		check(t, half.CloseWrite())
	}
	if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d %v", len(rest), err)
	}
	request, ending := c.hub.audit.last(t)
	if request.Upgrade != "websocket" || ending.Status != http.StatusSwitchingProtocols || ending.BytesIn != size || ending.BytesOut != size {
		t.Errorf("%+v %+v", request, ending)
	}
}
