package tunnel

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fairlead/fairlead/tunnel/h2"
)

// drainTimeout is how long streams may go on after the end was announced.
const drainTimeout = 20 * time.Second

// Server answers what comes through a tunnel.
type Server struct {
	Handler http.Handler
	// Drain is how long streams may go on once ctx has ended; 20 s if it is 0.
	Drain time.Duration
	// Log gets what handlers panic with; nil discards it.
	Log *slog.Logger
}

// Serve serves one connection, which it takes over, and returns when it has ended and every handler has returned. At the end
// of ctx it takes no further requests and lets those under way finish, for as long as Drain says.
func (s *Server) Serve(ctx context.Context, conn net.Conn) error {
	if _, ok := conn.(*Conn); !ok {
		conn = gathering(conn)
	}
	limitUnsent(conn) // one that comes over a bridge has not been limited yet
	at, under := &gate{handler: s.Handler}, watch(conn)
	config := agreed()
	config.Panicked = s.panicked
	far := h2.NewServer(under, at, config) //nolint:contextcheck // requests go on for a while after the end of ctx
	select {
	case <-far.Done():
	case <-ctx.Done():
		far.Shutdown()
		s.drain(far.Done())
	}
	far.Close()
	<-under.gone
	at.shut()
	at.stalls.stop()
	return ctx.Err()
}

// drain waits for the streams that are under way, but not for ever.
func (s *Server) drain(done <-chan struct{}) {
	timer := time.NewTimer(cmp.Or(s.Drain, drainTimeout))
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (s *Server) panicked(why any, stack []byte) {
	if s.Log != nil {
		s.Log.Error("a handler has panicked", slog.Any("why", why), slog.String("stack", string(stack)))
	}
}

// gate counts who is in the handler, since a connection does not wait for them when it ends.
type gate struct {
	handler http.Handler
	stalls  stalls

	mu      sync.Mutex
	inside  sync.WaitGroup
	closing bool
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		return
	}
	defer g.inside.Done()
	writer := g.stalls.enter(w)
	defer g.stalls.leave(writer)
	if r.Header.Get(UpgradeHeader) != "" {
		serveUpgrade(g.handler, writer, r)
		return
	}
	g.handler.ServeHTTP(writer, r)
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closing {
		g.inside.Add(1)
	}
	return !g.closing
}

// shut lets nobody in any more and waits for those inside.
func (g *gate) shut() {
	g.mu.Lock()
	g.closing = true
	g.mu.Unlock()
	g.inside.Wait()
}
