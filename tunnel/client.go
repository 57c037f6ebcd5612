package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/fairlead/fairlead/tunnel/h2"
)

// ErrUnavailable is why a request was not sent: the tunnel has ended, goes away, or carries as many as it can. The request can
// be made on another one, whatever its method.
var ErrUnavailable = h2.ErrUnavailable

// Client sends requests through a tunnel. It costs one goroutine while it has nothing to do.
type Client struct {
	conn     *watched
	http     *h2.Conn
	draining atomic.Bool
}

// NewClient speaks HTTP/2 on a connection that Accept has returned, and waits for the far end's first word. It takes the
// connection over and closes it on an error.
func NewClient(ctx context.Context, conn net.Conn) (*Client, error) {
	c := &Client{conn: watch(conn)}
	config := agreed()
	config.Changed, config.FewLeft = c.changed, c.announceEnd
	c.http = h2.New(c.conn, config) //nolint:contextcheck // it outlives the beginning
	if err := c.greeted(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if ws, ok := conn.(*Conn); ok {
		ws.afterDrain(c.Retire)
	}
	return c, nil
}

// greeted waits until the far end has said how many streams it takes.
func (c *Client) greeted(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("the far end of the tunnel does not speak HTTP/2: %w", ctx.Err())
	case <-c.conn.done:
		return errors.New("the far end of the tunnel ended it at once")
	case <-c.http.Greeted():
		return nil
	}
}

// RoundTrip sends a request. One with Connection: Upgrade becomes a stream of bytes both ways: its answer has status 101 and
// a Body that can be written to, as httputil.ReverseProxy wants it.
func (c *Client) RoundTrip(request *http.Request) (*http.Response, error) {
	if c.draining.Load() {
		if request.Body != nil {
			_ = request.Body.Close() // it is not read
		}
		return nil, ErrUnavailable
	}
	if hasToken(request.Header, "Connection", "upgrade") {
		return c.upgrade(request)
	}
	return c.http.RoundTrip(withoutMarks(request))
}

// withoutMarks keeps whoever calls from speaking to the far end in our words: a POST that is a DELETE there.
func withoutMarks(request *http.Request) *http.Request {
	if request.Header[UpgradeHeader] == nil && request.Header[MethodHeader] == nil {
		return request
	}
	clean := request.Clone(request.Context())
	clean.Header.Del(UpgradeHeader)
	clean.Header.Del(MethodHeader)
	return clean
}

// Streams returns how many requests are under way.
func (c *Client) Streams() int { return c.http.InFlight() }

// Available reports whether a request can be made now.
func (c *Client) Available() bool { return !c.draining.Load() && c.http.Available() > 0 }

// Done is closed when the tunnel has ended.
func (c *Client) Done() <-chan struct{} { return c.conn.done }

// AfterDone has f called once, when the tunnel has ended, so that nobody has to wait for that in a goroutine. At most one f
// is remembered.
func (c *Client) AfterDone(f func()) { c.conn.after(f) }

// Drain tells the far end that this side goes away, and retires the tunnel.
func (c *Client) Drain() {
	c.announceEnd()
	c.Retire()
}

// announceEnd has the far end open another tunnel.
func (c *Client) announceEnd() {
	if ws, ok := c.conn.Conn.(*Conn); ok {
		_ = ws.Drain() // a peer that cannot be told notices the end
	}
}

// Retire takes no further requests and closes the tunnel when those under way have ended.
func (c *Client) Retire() {
	c.draining.Store(true)
	c.changed()
}

func (c *Client) changed() {
	if c.draining.Load() && c.http.InFlight() == 0 {
		c.Close()
	}
}

// Close ends the tunnel at once.
func (c *Client) Close() {
	c.http.Close()
}

// watched is a connection that tells of its end.
type watched struct {
	net.Conn

	first atomic.Bool
	done  chan struct{} // closed when the end begins
	gone  chan struct{} // closed when it is over: a peer may have to be told

	mu    sync.Mutex
	ended bool
	then  func()
}

func watch(conn net.Conn) *watched {
	return &watched{Conn: conn, done: make(chan struct{}), gone: make(chan struct{})}
}

// WriteJoined writes both pieces, with one system call where that can be had.
func (w *watched) WriteJoined(head, body []byte) error {
	if both, ok := w.Conn.(interface{ WriteJoined(head, body []byte) error }); ok {
		return both.WriteJoined(head, body)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// Close closes the connection, once.
func (w *watched) Close() error {
	if !w.first.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	defer close(w.gone)
	close(w.done)
	w.mu.Lock()
	w.ended = true
	then := w.then
	w.mu.Unlock()
	if then != nil {
		then()
	}
	return w.Conn.Close()
}

func (w *watched) after(f func()) {
	w.mu.Lock()
	ended := w.ended
	w.then = f
	w.mu.Unlock()
	if ended {
		f()
	}
}
