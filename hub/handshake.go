package hub

import (
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"time"
)

// A client waits five seconds for its handshake. One that has waited for most of that is turned away, because it
// would be gone before the answer, and is soon there again.
const handshakePatience = 3 * time.Second

// handshakes lets a few TLS handshakes at a time have the processors, first come, first served. Else, when ten thousand clusters come
// back at once, all handshakes go on side by side, each takes longer than its client waits, and all of them are in vain.
type handshakes struct{ free chan struct{} }

func newHandshakes() *handshakes {
	return &handshakes{free: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
}

// turn is for tls.Config.GetConfigForClient: it waits until it is the client's turn to be answered. The turn ends when
// the hub waits for the client, so that slow lines hold nobody up.
func (o *handshakes) turn(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	conn, ok := hello.Conn.(*turned)
	if !ok {
		return nil, nil //nolint:nilnil // the server's own configuration is meant
	}
	timer := time.NewTimer(handshakePatience)
	defer timer.Stop()
	select {
	case o.free <- struct{}{}:
		conn.hold(func() { <-o.free })
		return nil, nil //nolint:nilnil // the server's own configuration is meant
	case <-timer.C:
		return nil, errors.New("too many clients want to connect at the same time")
	case <-hello.Context().Done():
		return nil, hello.Context().Err()
	}
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
	return &turned{Conn: conn}, nil
}

// turned is a connection that may have the turn.
type turned struct {
	net.Conn

	mu   sync.Mutex
	end  func() // nil when it has not the turn
	gone bool
}

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
	return c.Conn.Read(into)
}

// Close implements net.Conn.
func (c *turned) Close() error {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.pass()
	return c.Conn.Close()
}
