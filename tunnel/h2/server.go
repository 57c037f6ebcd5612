package h2

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/net/http2"
)

// errAborted is why a stream has ended whose handler gave up in the middle of the answer.
var errAborted = errors.New("the handler has given the answer up")

// finishTimeout bounds the wait for what is to be written before a connection closes.
const finishTimeout = time.Second

// answering is what a connection has that answers requests.
type answering struct {
	handler http.Handler
	base    context.Context //nolint:containedctx // of all requests; it has no end
	from    string          // the far end's address
	running int             // handlers, those among them whose stream is gone already
}

// NewServer begins to answer what comes on a connection, which it takes over: each request in a goroutine of its own, whose end
// is its handler's business. What a handler writes goes out soon, without a Flush, and the header is taken as it is at the first
// write. Answers get no Content-Type and no Date that the handler has not given them.
func NewServer(conn net.Conn, handler http.Handler, config Config) *Conn {
	// Whom httputil.ReverseProxy works for tells it how to give an answer up.
	base := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{Handler: handler}) //nolint:gosec // it never serves
	c := newConn(conn, config)
	c.serves = &answering{handler: handler, base: base, from: conn.RemoteAddr().String()}
	c.out.send(func(f *http2.Framer, _ *header) {
		_ = f.WriteSettings(
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: config.MaxStreams},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(config.StreamWindow)}, //nolint:gosec // positive
			http2.Setting{ID: http2.SettingMaxFrameSize, Val: config.FrameSize},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: config.HeaderSize},
		)
		_ = f.WriteWindowUpdate(0, uint32(config.ConnWindow)-initialWindow) //nolint:gosec // positive
	})
	c.begin()
	return c
}

// Shutdown takes no further requests, and closes the connection when those under way have been answered. Those that it does not
// take can be made elsewhere.
func (c *Conn) Shutdown() {
	c.out.mu.Lock()
	c.mu.Lock()
	last, before := uint32(0), c.away
	if c.away = true; c.next > 1 {
		last = c.next - 2
	}
	c.mu.Unlock()
	if !before {
		c.out.sendLocked(func(f *http2.Framer, _ *header) { _ = f.WriteGoAway(last, http2.ErrCodeNo, nil) })
	}
	c.out.mu.Unlock()
	c.changed()
}

// takeRequest takes the head of a request, or what follows its body.
func (c *Conn) takeRequest(f *http2.MetaHeadersFrame) error {
	if s := c.find(f.StreamID); s != nil {
		return s.takeTail(f)
	}
	if f.StreamID%2 == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	r, err := c.requestOf(f)
	if err != nil {
		return err
	}
	s, err := c.enter(f, r)
	if s == nil {
		return err
	}
	handler := c.serves.handler
	if f.Truncated {
		handler = http.HandlerFunc(tooLarge)
	}
	go s.serve(handler)
	return nil
}

func tooLarge(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "the head of the request is too large", http.StatusRequestHeaderFieldsTooLarge)
}

// enter opens a stream for a request. There is none when it comes too late, or too many are open.
func (c *Conn) enter(f *http2.MetaHeadersFrame, r *http.Request) (*stream, error) {
	ctx, cancel := context.WithCancel(c.serves.base)
	s := &stream{
		conn: c, id: f.StreamID, ctx: ctx, begun: true, length: r.ContentLength, window: int64(c.config.StreamWindow),
		signal: make(chan struct{}, 1), stop: make(chan struct{}),
		unwatch: func() bool { cancel(); return true },
	}
	s.request = r.WithContext(ctx)
	if f.StreamEnded() {
		s.ended, s.err = true, io.EOF
	} else {
		s.request.Body = input{s}
	}
	c.mu.Lock()
	late, busy := f.StreamID < c.next || c.away || c.err != nil, c.serves.running >= int(c.config.MaxStreams)
	c.next = max(c.next, f.StreamID+2)
	if !late && !busy {
		s.sendWindow = c.initial
		c.streams[s.id] = s
		c.serves.running++
	}
	c.mu.Unlock()
	if !late && !busy {
		return s, nil
	}
	cancel()
	if late {
		return nil, nil //nolint:nilnil // the far end knows
	}
	return nil, http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeRefusedStream, Cause: errors.New("too many requests at once")}
}

// serve has a request answered.
func (s *stream) serve(handler http.Handler) {
	w := &reply{stream: s, header: make(http.Header, usualHeaders), left: -1}
	whole := false
	defer s.conn.served()
	defer func() {
		if whole {
			w.end()
			return
		}
		if why := recover(); why != nil && why != http.ErrAbortHandler && s.conn.config.Panicked != nil { //nolint:errorlint // it is that, or it is another
			s.conn.config.Panicked(why, debug.Stack())
		}
		s.cancel(http2.ErrCodeInternal, errAborted)
	}()
	handler.ServeHTTP(w, s.request)
	whole = true
}

func (c *Conn) served() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serves.running--
}

// takeTail takes what follows the body of a request, of which nothing is kept.
func (s *stream) takeTail(f *http2.MetaHeadersFrame) error {
	s.mu.Lock()
	over := s.ended
	s.mu.Unlock()
	if over || !f.StreamEnded() || len(f.PseudoFields()) > 0 {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errors.New("a second head")}
	}
	s.complete(s.whole())
	return nil
}

// complete is for a request that has come as a whole, or has not, as err says.
func (s *stream) complete(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.ended = true
	s.mu.Unlock()
	wake(s.signal)
}

// answerEnds is for a stream whose answer has been written.
func (s *stream) answerEnds() {
	s.deafen(errBodyClosed)
	s.mu.Lock()
	unread := !s.ended
	s.mu.Unlock()
	if !s.remove() {
		return
	}
	if unread { // nobody wants to hear the rest
		s.conn.out.send(func(f *http2.Framer, _ *header) { _ = f.WriteRSTStream(s.id, http2.ErrCodeNo) })
	}
	s.end(errReplyOver)
	s.conn.changed()
}

// gone is why nothing can be written any more.
func (s *stream) gone(err error) error {
	if why := s.broken(); why != nil {
		return why
	}
	return err
}

// broken is why the stream has ended, if it has.
func (s *stream) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// deadline has something done at a moment, unless the stream has ended. The zero moment never comes.
func (s *stream) deadline(timer **time.Timer, at time.Time, over func()) {
	if s.schedule(timer, at, over) {
		over()
	}
}

// schedule does the same, and reports whether that moment has passed.
func (s *stream) schedule(timer **time.Timer, at time.Time, over func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	wait := time.Until(at)
	switch {
	case at.IsZero() || s.why != nil:
		return false
	case wait > 0:
		*timer = time.AfterFunc(wait, over)
		return false
	}
	return true
}

// deafen says why nobody reads the rest of a request.
func (s *stream) deafen(why error) {
	s.mu.Lock()
	if s.shut == nil {
		s.shut = why
	}
	s.content.drop()
	s.mu.Unlock()
	wake(s.signal)
}

// input is the body of a request. To close it says that nobody reads the rest, and nothing about the answer.
type input struct{ *stream }

// Close implements io.Closer.
func (i input) Close() error {
	i.deafen(errBodyClosed)
	return nil
}
