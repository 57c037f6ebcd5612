// Package h2 is a client of HTTP/2 on one connection that is there already. It does what net/http does for the requests of many
// callers to one far end, at less cost for each: no goroutine for a request of its own, one system call for the frames that
// several callers have to send at a moment, no copy of what the far end sends besides the one that waits for its reader.
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
	headerTable = 4096 // HTTP/2's own
	// The largest number of a stream. Half-way there, whoever uses the connection is told to look for another one.
	maxStreamID = 1<<31 - 1
	fewLeft     = 1 << 30
	// So many bytes may wait to be written, at which bodies wait; twice as many answers to a peer's frames are a flood.
	maxUnwritten = 256 << 10
	// Windows are opened anew after so much was read.
	streamRefresh = 128 << 10
	connRefresh   = 8 << 20
)

// Config is what both ends have agreed on. All is required but the functions.
type Config struct {
	FrameSize    uint32 // the largest frame that is read
	StreamWindow int32  // what the far end may send on a stream that nobody reads
	ConnWindow   int32  // and on all together
	HeaderSize   uint32 // of an answer's head

	// After PingAfter without a word of the far end it is asked for one, for which it has PingTimeout. It has WriteTimeout to take
	// what is written.
	PingAfter, PingTimeout, WriteTimeout time.Duration

	// Changed is called, with no lock held, when a request has ended.
	Changed func()
	// FewLeft is called once, in a goroutine of its own, when the connection has carried half of the requests that one can carry.
	FewLeft func()
}

// Conn is one connection.
type Conn struct {
	config Config
	conn   net.Conn
	heard  atomic.Int64 // when the far end was last heard, in nanoseconds since began
	began  time.Time
	out    *outbox
	names  names

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
	c := &Conn{
		config: config, conn: conn, began: time.Now(), greeted: make(chan struct{}), done: make(chan struct{}), streams: map[uint32]*stream{},
		next: 1, most: 0, frame: 16 << 10, window: 65_535, initial: 65_535, opened: make(chan struct{}),
	}
	c.out = newOutbox(conn, config.WriteTimeout, c.fail)
	c.out.send(func(f *http2.Framer, _ *header) {
		c.out.pending.WriteString(http2.ClientPreface)
		_ = f.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(config.StreamWindow)}, //nolint:gosec // positive
			http2.Setting{ID: http2.SettingMaxFrameSize, Val: config.FrameSize},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: config.HeaderSize},
		)
		_ = f.WriteWindowUpdate(0, uint32(config.ConnWindow)-65_535) //nolint:gosec // positive
	})
	go c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchdog = time.AfterFunc(config.PingAfter, c.watch)
	return c
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
	if over {
		c.fail(errClosed)
		return
	}
	if c.config.Changed != nil {
		c.config.Changed()
	}
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

// header encodes the heads of requests.
type header struct {
	text    bytes.Buffer
	encoder *hpack.Encoder
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
