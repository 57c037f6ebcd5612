package tunnel

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// The reasons of RFC 6455 for a close.
const (
	closeNormal      = 1000
	closeProtocol    = 1002
	closeUnsupported = 1003
	closeTooBig      = 1009
)

// maxRecord is what one record of TLS holds.
const maxRecord = 16 << 10

// drainWord in a ping says that whoever sends it goes away soon. Who does not know it sends it back, as with any ping.
const drainWord = "fairlead-drain"

// ClosedError is the end of a connection that the peer has closed, or that was closed on a peer that broke the rules.
type ClosedError struct {
	Code   int
	Reason string
	broken bool
}

func (e *ClosedError) Error() string {
	if e.broken {
		return "the peer on the WebSocket sent " + e.Reason
	}
	return fmt.Sprintf("the WebSocket was closed by the peer (%d %s)", e.Code, e.Reason)
}

func breach(code int, what string) error { return &ClosedError{Code: code, Reason: what, broken: true} }

// Conn is a WebSocket as a connection of bytes: a Write is a message, and Read does not tell where one ends.
type Conn struct {
	net.Conn

	in     io.Reader
	wire   *wire // may be nil
	client bool  // masks what it sends

	// Of the reader alone.
	frame   head
	read    int64 // of the frame's payload
	started bool  // the message has further frames
	failed  error
	scratch [maxHead]byte

	writing  chan struct{}          // full while somebody writes
	over     chan struct{}          // closed when nothing more is to be written
	pong     atomic.Pointer[[]byte] // owed to the peer
	ended    atomic.Bool
	draining chan struct{}
	drained  sync.Once
	onDrain  atomic.Pointer[func()]

	received, sent atomic.Int64
}

// newConn wraps a connection of which early was read already, and belongs to the WebSocket.
func newConn(under net.Conn, early []byte, client bool) *Conn {
	if g, ok := under.(*gathered); ok {
		under = g.Conn
	}
	c := &Conn{Conn: under, in: under, wire: wireOf(under), client: client, draining: make(chan struct{}), writing: make(chan struct{}, 1), over: make(chan struct{})}
	if len(early) > 0 {
		c.in = io.MultiReader(bytes.NewReader(bytes.Clone(early)), under)
	}
	if _, records := under.(*tls.Conn); !records { // which holds what it has read by itself
		c.in = bufio.NewReader(c.in)
	}
	limitUnsent(under)
	return c
}

// earlyIn is what a reader has read already.
func earlyIn(buffered *bufio.Reader) []byte {
	early, _ := buffered.Peek(buffered.Buffered()) // what is there can be looked at
	return early
}

// Read reads what follows in the messages of the peer.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for c.read == c.frame.length {
		if c.failed != nil {
			return 0, c.failed
		}
		if c.failed = c.next(); c.failed != nil {
			return 0, c.failed
		}
	}
	n, err := c.in.Read(p[:min(int64(len(p)), c.frame.length-c.read)])
	if c.frame.masked {
		applyMask(p[:n], p[:n], c.frame.mask, c.read)
	}
	c.read += int64(n)
	c.received.Add(int64(n))
	if n == 0 && err != nil {
		c.failed = broken(err)
		return 0, c.failed
	}
	return n, nil
}

// broken makes a connection that ends without a word of its peer an unexpected end.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next reads up to the payload of the next frame of data.
func (c *Conn) next() error {
	for {
		h, err := c.readHead()
		if err != nil {
			return c.refuse(err)
		}
		if h.op&controlBit == 0 {
			if (h.op == opContinuation) != c.started {
				return c.refuse(breach(closeProtocol, "a piece of a message out of order"))
			}
			c.frame, c.read, c.started = h, 0, !h.final
			return nil
		}
		if err := c.control(h); err != nil {
			return c.refuse(err)
		}
	}
}

func (c *Conn) readHead() (head, error) {
	if _, err := io.ReadFull(c.in, c.scratch[:leastHead]); err != nil {
		return head{}, broken(err)
	}
	first := [leastHead]byte(c.scratch[:leastHead])
	rest := c.scratch[leastHead : leastHead+restOf(first)]
	if _, err := io.ReadFull(c.in, rest); err != nil {
		return head{}, broken(err)
	}
	h, err := parseHead(first, rest)
	if err == nil && h.masked == c.client {
		err = breach(closeProtocol, "a frame that is masked where it must not be, or is not where it must")
	}
	return h, err
}

func (c *Conn) control(h head) error {
	payload := make([]byte, h.length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return broken(err)
	}
	if h.masked {
		applyMask(payload, payload, h.mask, 0)
	}
	switch h.op {
	case opPing:
		if string(payload) == drainWord {
			c.peerDrains()
		}
		c.pong.Store(&payload)
		select {
		case c.writing <- struct{}{}:
			defer c.release()
			return c.payPong()
		default: // whoever writes now sends it
		}
	case opClose:
		return closedBy(payload)
	}
	return nil
}

func closedBy(payload []byte) error {
	closed := &ClosedError{Code: closeNormal}
	if len(payload) >= 2 {
		closed.Code = int(binary.BigEndian.Uint16(payload))
		closed.Reason = printable(payload[2:])
	}
	return closed
}

// refuse tells the peer why this is the end, when the end is not that it is gone.
func (c *Conn) refuse(err error) error {
	if closed, ok := errors.AsType[*ClosedError](err); ok {
		reason := ""
		if closed.broken {
			reason = closed.Reason
		}
		c.end(closed.Code, reason)
	}
	return err
}

// Write sends p as one message, or as several of at most 64 KiB.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.take(); err != nil {
		return 0, err
	}
	defer c.release()
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+maxMessage)]
		if err := c.send(opBinary, piece); err != nil {
			return written, err
		}
		written += len(piece)
		c.sent.Add(int64(len(piece)))
	}
	return written, c.payPong()
}

// take waits for the turn to write, or for the end.
func (c *Conn) take() error {
	select {
	case <-c.over:
		return net.ErrClosed
	default:
	}
	select {
	case c.writing <- struct{}{}:
		return nil
	case <-c.over:
		return net.ErrClosed
	}
}

func (c *Conn) release() { <-c.writing }

// payPong answers the last ping. It is its caller's turn.
func (c *Conn) payPong() error {
	if owed := c.pong.Swap(nil); owed != nil {
		return c.send(opPong, *owed)
	}
	return nil
}

// WriteJoined sends head and body, in one message if they go into one.
func (c *Conn) WriteJoined(head, body []byte) error {
	if len(head)+len(body) > maxMessage {
		if _, err := c.Write(head); err != nil {
			return err
		}
		_, err := c.Write(body)
		return err
	}
	if err := c.take(); err != nil {
		return err
	}
	defer c.release()
	if err := c.send(opBinary, head, body); err != nil {
		return err
	}
	c.sent.Add(int64(len(head) + len(body)))
	return c.payPong()
}

// send writes one frame of all pieces with one Write. It is its caller's turn.
func (c *Conn) send(op byte, pieces ...[]byte) error {
	length := 0
	for _, piece := range pieces {
		length += len(piece)
	}
	buffer := chunks.Get().(*chunk) //nolint:forcetypeassert // nothing else is in it
	defer chunks.Put(buffer)
	var mask *[maskSize]byte
	if c.client {
		mask = new([maskSize]byte)
		_, _ = rand.Read(mask[:]) // never fails
	}
	frame := appendHead(buffer[:0], op, length, mask)
	at := int64(0)
	for _, piece := range pieces {
		start := len(frame)
		frame = frame[:start+len(piece)]
		if mask != nil {
			applyMask(frame[start:], piece, *mask, at)
		} else {
			copy(frame[start:], piece)
		}
		at += int64(len(piece))
	}
	return c.put(frame)
}

// put sends the records of a large frame with one system call.
func (c *Conn) put(frame []byte) error {
	if c.wire == nil || len(frame) <= maxRecord {
		_, err := c.Conn.Write(frame)
		return err
	}
	c.wire.cork()
	_, err := c.Conn.Write(frame)
	if flushed := c.wire.flush(); err == nil {
		err = flushed
	}
	return err
}

// Drain tells the peer that this side goes away, so that it opens another connection before this one ends.
func (c *Conn) Drain() error {
	if err := c.take(); err != nil {
		return err
	}
	defer c.release()
	return c.send(opPing, []byte(drainWord))
}

// Draining is closed when the peer has said that it goes away.
func (c *Conn) Draining() <-chan struct{} { return c.draining }

// afterDrain has f called when the peer says so, by whoever reads then.
func (c *Conn) afterDrain(f func()) {
	c.onDrain.Store(&f)
	select {
	case <-c.draining:
		f()
	default:
	}
}

func (c *Conn) peerDrains() {
	c.drained.Do(func() {
		close(c.draining)
		if f := c.onDrain.Load(); f != nil {
			(*f)()
		}
	})
}

// Bytes returns how many bytes of messages came and went.
func (c *Conn) Bytes() (received, sent int64) { return c.received.Load(), c.sent.Load() }

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Close closes the connection.
func (c *Conn) Close() error { return c.CloseWith(closeNormal, "") }

// CloseWith closes the connection and tells the peer why, with a code of RFC 6455.
func (c *Conn) CloseWith(code int, reason string) error {
	c.end(code, reason)
	return c.Conn.Close()
}

// end sends the frame of the end, unless somebody else is stuck in a Write.
func (c *Conn) end(code int, reason string) {
	if !c.ended.CompareAndSwap(false, true) {
		return
	}
	close(c.over)
	select {
	case c.writing <- struct{}{}:
		defer c.release()
	default:
		return
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code)) //nolint:gosec // codes are below 5000
	payload = append(payload, reason[:min(len(reason), maxControl-2)]...)
	_ = c.SetWriteDeadline(time.Now().Add(closeTimeout))
	_ = c.send(opClose, payload) // a peer that is gone needs no farewell
}

// printable is what of a text that somebody else wrote may stand in a log.
func printable(text []byte) string {
	clean := make([]byte, 0, len(text))
	for _, b := range text {
		if b >= ' ' && b <= '~' {
			clean = append(clean, b)
		}
	}
	return string(clean)
}
