package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/hub/dataplane"
)

const (
	// An agent waits twelve seconds for its handshake, and net/http gives it up when headerTimeout is over. Who has waited for
	// most of that is turned away: there would be no time left for the handshake itself.
	handshakePatience = 8 * time.Second
	// Each that waits holds some 20 KiB.
	handshakesWaiting = 20_000
)

var errTooManyHandshakes = errors.New("too many clients want to connect at the same time")

// handshakes lets a few TLS handshakes at a time have the processors. Else, when ten thousand clusters come back at once, all
// handshakes go on side by side, each takes longer than its client waits, and all of them are in vain. Of those that wait,
// the last to come is the first to be served: first come, first served would give each turn to whoever is about to give up.
type handshakes struct {
	most     int // at a time
	crowd    int // how many may wait; beyond it, who waits longest is turned away
	patience time.Duration

	mu      sync.Mutex
	busy    int
	waiting []*waiter // who waits longest first
	told    turnsTold
}

// turnsTold counts what clients were told since the start: that it is their turn, or that there are too many of them.
type turnsTold struct{ served, refused uint64 }

// waiter is a handshake that waits for its turn. It hears once: nil is the turn.
type waiter struct{ heard chan error }

func newHandshakes() *handshakes {
	return &handshakes{most: 2 * runtime.GOMAXPROCS(0), crowd: handshakesWaiting, patience: handshakePatience}
}

// turn is for tls.Config.GetConfigForClient: it waits until it is the client's turn to be answered. The turn ends when
// the hub waits for the client, so that slow lines hold nobody up.
func (o *handshakes) turn(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	conn, ok := hello.Conn.(*turned)
	if !ok {
		return nil, nil //nolint:nilnil // the server's own configuration is meant
	}
	if err := o.wait(hello.Context().Done()); err != nil {
		return nil, err
	}
	conn.hold(o.next)
	return nil, nil //nolint:nilnil // the server's own configuration is meant
}

// wait returns nil when it is the caller's turn; the caller must call next at its end.
func (o *handshakes) wait(gone <-chan struct{}) error {
	err := o.await(gone)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.told.refused++
		return err
	}
	o.told.served++
	return nil
}

// count returns how many wait, and what the others were told.
func (o *handshakes) count() (waiting int, told turnsTold) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting), o.told
}

func (o *handshakes) await(gone <-chan struct{}) error {
	me := o.queue()
	if me == nil {
		return nil
	}
	timer := time.NewTimer(o.patience)
	defer timer.Stop()
	select {
	case err := <-me.heard:
		return err
	case <-timer.C:
	case <-gone:
	}
	if !o.leave(me) { // it was told at the same moment
		return <-me.heard
	}
	return errTooManyHandshakes
}

// queue returns nil when there is a turn at once.
func (o *handshakes) queue() *waiter {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy < o.most {
		o.busy++
		return nil
	}
	if len(o.waiting) >= o.crowd {
		o.waiting[0].heard <- errTooManyHandshakes
		o.waiting = o.waiting[1:]
	}
	me := &waiter{heard: make(chan error, 1)}
	o.waiting = append(o.waiting, me)
	return me
}

// next ends a turn, and gives it to who came last.
func (o *handshakes) next() {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := len(o.waiting) - 1
	if last < 0 {
		o.busy--
		return
	}
	o.waiting[last].heard <- nil
	o.waiting[last] = nil
	o.waiting = o.waiting[:last]
}

// leave reports whether the waiter waited still. Those who leave are mostly among the first.
func (o *handshakes) leave(me *waiter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.Index(o.waiting, me)
	if at < 0 {
		return false
	}
	o.waiting = slices.Delete(o.waiting, at, at+1)
	return true
}

// guard returns a listener whose connections take turns.
func (o *handshakes) guard(listener net.Listener) net.Listener { return inTurn{listener} }

type inTurn struct{ net.Listener }

// Accept returns the next connection.
func (l inTurn) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &turned{Conn: conn, since: time.Now()}, nil
}

// hear lets what comes by a connection know for how long nothing has.
func hear(ctx context.Context, conn net.Conn) context.Context {
	secured, _ := conn.(*tls.Conn)
	if secured == nil {
		return ctx
	}
	if below, ok := secured.NetConn().(*turned); ok {
		return dataplane.Connection(ctx, below.quiet)
	}
	return ctx
}

// turned is a connection that may have the turn.
type turned struct {
	net.Conn

	since time.Time    // when it was accepted
	heard atomic.Int64 // how much later something came, in nanoseconds

	mu   sync.Mutex
	end  func() // nil when it has not the turn
	gone bool
}

// NetConn returns the connection below.
func (c *turned) NetConn() net.Conn { return c.Conn }

// hold gives a connection the turn, unless it was closed while it waited: nobody would end it.
func (c *turned) hold(end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		end()
		return
	}
	c.end = end
}

func (c *turned) pass() {
	c.mu.Lock()
	end := c.end
	c.end = nil
	c.mu.Unlock()
	if end != nil {
		end()
	}
}

// Read implements net.Conn: whoever waits for the other side does not need the processor.
func (c *turned) Read(into []byte) (int, error) {
	c.pass()
	n, err := c.Conn.Read(into)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.since)))
	}
	return n, err
}

// quiet returns for how long nothing has come.
func (c *turned) quiet() time.Duration { return time.Since(c.since) - time.Duration(c.heard.Load()) }

// Close implements net.Conn.
func (c *turned) Close() error {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.pass()
	return c.Conn.Close()
}
