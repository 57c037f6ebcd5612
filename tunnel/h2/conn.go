// Package h2 is HTTP/2 on one connection that is there already, as a client or as a server. It does what net/http does for the
// requests of many callers to one far end, at less cost for each: a client has no goroutine for a request, a server only the one
// that answers it; the frames that several have to send at a moment are one system call; what comes is copied once, for
// its reader, and large pieces of what goes are handed to the connection as they are.
package h2

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// ErrUnavailable is why a request was not sent, or not looked at by the far end: it can be made on another connection, whatever
// its method.
var ErrUnavailable = errors.New("the connection takes no request now")

// errClosed is why requests end with the connection that this side has closed.
var errClosed = errors.New("the connection was closed")

const (
	headerTable   = 4096   // HTTP/2's own
	initialWindow = 65_535 // the same
	// The largest number of a stream. Half-way there, whoever uses the connection is told to look for another one.
	maxStreamID = 1<<31 - 1
	fewLeft     = 1 << 30
	// So many bytes may wait to be written, at which bodies wait; twice as many answers to a peer's frames are a flood.
	maxUnwritten = 256 << 10
	// Windows are opened anew after so much was read.
	streamRefresh = 128 << 10
	connRefresh   = 8 << 20
)

// Config is what both ends have agreed on. All is required but the functions, and MaxStreams at a client.
type Config struct {
	MaxStreams   uint32 // that a server takes at once
	FrameSize    uint32 // the largest frame that is read
	StreamWindow int32  // what the far end may send on a stream that nobody reads
	ConnWindow   int32  // and on all together
	HeaderSize   uint32 // of the head of a request or an answer

	// After PingAfter without a word of the far end it is asked for one, for which it has PingTimeout. It has WriteTimeout to take
	// what is written.
	PingAfter, PingTimeout, WriteTimeout time.Duration

	// Changed is called, with no lock held, when a request has ended.
	Changed func()
	// FewLeft is called once, in a goroutine of its own, when the connection has carried half of the requests that one can carry.
	FewLeft func()
	// Panicked is told what a server's handler has panicked with, and where, unless it is http.ErrAbortHandler.
	Panicked func(why any, stack []byte)
}

// Conn is one connection.
type Conn struct {
	config Config
	conn   net.Conn
	heard  atomic.Int64 // when the far end was last heard, in nanoseconds since began
	began  time.Time
	out    *outbox
	names  names
	serves *answering // nil at a client

	mu       sync.Mutex
	greeted  chan struct{} // closed when the far end has said how many streams it takes
	done     chan struct{} // closed at the end
	err      error         // why it has ended
	away     bool          // no further streams
	streams  map[uint32]*stream
	next     uint32
	most     uint32        // streams that the far end takes
	frame    int           // the largest that it reads
	window   int64         // what may be sent on all streams
	initial  int64         // what may be sent on a stream at first
	unread   int64         // what has come since the connection's window was opened
	opened   chan struct{} // closed and made anew when there is more to send with
	pinged   bool
	watchdog *time.Timer
}

// New begins to speak on a connection, which it takes over. Greeted tells when the far end has answered.
func New(conn net.Conn, config Config) *Conn {
	c := newConn(conn, config)
	c.out.send(func(f *http2.Framer, _ *header) {
		c.out.pending.WriteString(http2.ClientPreface)
		_ = f.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(config.StreamWindow)}, //nolint:gosec // positive
			http2.Setting{ID: http2.SettingMaxFrameSize, Val: config.FrameSize},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: config.HeaderSize},
		)
		_ = f.WriteWindowUpdate(0, uint32(config.ConnWindow)-initialWindow) //nolint:gosec // positive
	})
	c.begin()
	return c
}

func newConn(conn net.Conn, config Config) *Conn {
	c := &Conn{
		config: config, conn: conn, began: time.Now(), greeted: make(chan struct{}), done: make(chan struct{}), streams: map[uint32]*stream{},
		next: 1, most: 0, frame: 16 << 10, window: initialWindow, initial: initialWindow, opened: make(chan struct{}),
	}
	c.out = newOutbox(conn, config.WriteTimeout, c.fail)
	return c
}

func (c *Conn) begin() {
	c.mu.Lock()
	c.watchdog = time.AfterFunc(c.config.PingAfter, c.watch)
	c.mu.Unlock()
	go c.read()
}

// Greeted is closed when the far end has said how many requests it takes.
func (c *Conn) Greeted() <-chan struct{} { return c.greeted }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// InFlight returns how many requests are under way.
func (c *Conn) InFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.streams)
}

// Available returns how many more requests can be made now.
func (c *Conn) Available() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.away {
		return 0
	}
	return max(0, int(c.most)-len(c.streams))
}

// Close ends the connection and all requests on it.
func (c *Conn) Close() { c.fail(errClosed) }

// fail ends the connection.
func (c *Conn) fail(why error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = why
	close(c.done)
	c.watchdog.Stop()
	all := c.streams
	c.streams = map[uint32]*stream{}
	c.mu.Unlock()
	c.out.close()
	_ = c.conn.Close() // there is nothing more to say
	for _, s := range all {
		s.end(why)
	}
	c.changed()
}

// changed comes after a request has ended. A connection that takes no more closes with the last one.
func (c *Conn) changed() {
	c.mu.Lock()
	over := c.away && len(c.streams) == 0 && c.err == nil
	c.mu.Unlock()
	switch {
	case over && c.serves == nil:
		c.fail(errClosed)
		return
	case over: // the last answer may wait to be written
		go c.leave()
		return
	}
	if c.config.Changed != nil {
		c.config.Changed()
	}
}

// leave closes the connection once all is written and the far end has closed it, or after a while: with what it has said and
// nobody has read, the connection's end would take from it what it has not read yet.
func (c *Conn) leave() {
	c.out.finish(finishTimeout)
	timer := time.NewTimer(finishTimeout)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
	}
	c.fail(errClosed)
}

// watch asks a far end that has been silent for a word, and ends the connection when none comes.
func (c *Conn) watch() {
	silent := time.Since(c.began) - time.Duration(c.heard.Load())
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	ask := false
	switch {
	case silent < c.config.PingAfter:
		c.pinged = false
		c.watchdog.Reset(c.config.PingAfter - silent)
	case !c.pinged:
		c.pinged, ask = true, true
		c.watchdog.Reset(c.config.PingTimeout)
	default:
		c.mu.Unlock()
		c.fail(fmt.Errorf("the far end has been silent for %s", silent.Round(time.Second)))
		return
	}
	c.mu.Unlock()
	if ask {
		c.out.send(func(f *http2.Framer, _ *header) { _ = f.WritePing(false, [8]byte{'f', 'a', 'i', 'r'}) })
	}
}

// frameSize returns the largest frame that the far end reads.
func (c *Conn) frameSize() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frame
}

// header encodes heads.
type header struct {
	text    bytes.Buffer
	encoder *hpack.Encoder
}

// flush writes what was encoded as the head of a stream.
func (h *header) flush(f *http2.Framer, id uint32, frame int, last bool) {
	text := h.text.Bytes()
	for first := true; first || len(text) > 0; first = false {
		part := text[:min(len(text), frame)]
		text = text[len(part):]
		if first {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndStream: last, EndHeaders: len(text) == 0})
			continue
		}
		_ = f.WriteContinuation(id, len(text) == 0, part)
	}
	if h.text.Cap() > keptBuffer {
		h.text = bytes.Buffer{}
	}
}

// names are headers as each side writes them. It is only for well-known ones: what callers make up is not remembered.
type names struct {
	mu    sync.RWMutex
	lower map[string]string
	usual map[string]string
}

// maxNames bounds each.
const maxNames = 256

func (n *names) lowered(name string) string {
	return n.recall(&n.lower, name, strings.ToLower)
}

func (n *names) canonical(name string) string {
	return n.recall(&n.usual, name, http.CanonicalHeaderKey)
}

func (n *names) recall(from *map[string]string, name string, find func(string) string) string {
	n.mu.RLock()
	found, ok := (*from)[name]
	n.mu.RUnlock()
	if ok {
		return found
	}
	found = find(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	if *from == nil {
		*from = map[string]string{}
	}
	if len(*from) < maxNames {
		(*from)[name] = found
	}
	return found
}
