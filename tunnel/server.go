package tunnel

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// drainTimeout is how long streams may go on after the end was announced.
const drainTimeout = 20 * time.Second

// Server answers what comes through a tunnel.
type Server struct {
	Handler http.Handler
	// Drain is how long streams may go on once ctx has ended; 20 s if it is 0.
	Drain time.Duration
	// Log gets what net/http has to say of a peer; nil discards it.
	Log *slog.Logger
	// ConnContext, if not nil, makes the context of all requests on a connection.
	ConnContext func(ctx context.Context, conn net.Conn) context.Context
}

// Serve serves one connection, which it takes over, and returns when it has ended and every handler has returned. At the end
// of ctx it takes no further requests and lets those under way finish, for as long as Drain says.
func (s *Server) Serve(ctx context.Context, conn net.Conn) error {
	if _, ok := conn.(*Conn); !ok {
		conn = gathering(conn)
	}
	limitUnsent(conn) // one that comes over a bridge has not been limited yet
	one := &single{conn: watch(conn), closed: make(chan struct{})}
	at := &gate{handler: s.Handler}
	server := &http.Server{
		Handler: at, Protocols: overPlainConnections(), HTTP2: http2(), MaxHeaderBytes: maxHeaders,
		ReadHeaderTimeout: handshakeTimeout, ErrorLog: s.errorLog(), ConnContext: s.ConnContext,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(one) }()
	select {
	case <-one.conn.done:
	case <-ctx.Done():
		s.drain(server, one.conn.done) //nolint:contextcheck // ctx has ended
	}
	_ = server.Close() // closes what may be open still
	_ = one.conn.Close()
	<-one.conn.gone
	<-ended //nolint:errcheck // it says that it was closed
	at.shut()
	at.stalls.stop()
	return ctx.Err()
}

func (s *Server) drain(server *http.Server, done <-chan struct{}) {
	limit := s.Drain
	if limit == 0 {
		limit = drainTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() { // Shutdown looks now and then only
		defer cancel()
		select {
		case <-done:
		case <-ctx.Done():
		}
	}()
	_ = server.Shutdown(ctx) // whatever is left is closed next
}

func (s *Server) errorLog() *log.Logger {
	if s.Log == nil {
		return slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	}
	return slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)
}

// single is a listener with one connection.
type single struct {
	conn   *watched
	once   sync.Once
	given  bool
	closed chan struct{}
}

// Accept returns the connection, and then waits for the end.
func (l *single) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

// Close ends the wait.
func (l *single) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is that of this end.
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }

// gate counts who is in the handler, since net/http does not wait for those whose connection has ended.
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
