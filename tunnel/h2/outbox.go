package h2

import (
	"bytes"
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// What an idle connection may hold for what it writes.
	keptBuffer = 4 << 10
	// A larger piece of a body is not gathered with what else is to be written.
	maxCopied = 8 << 10
	frameHead = 9
)

// joiner is a connection that writes two pieces as if they were one, with as few copies as it can.
type joiner interface {
	WriteJoined(head, body []byte) error
}

// outbox gathers frames and writes them, in their order. What comes while others are being written goes out with one write. A
// large piece of a body is written by whoever sends it, behind what waits.
type outbox struct {
	conn    net.Conn
	patient time.Duration
	failed  func(error)
	large   sync.Mutex // whose turn it is to send a large piece: first come, first served

	mu      sync.Mutex
	pending *bytes.Buffer
	spare   *bytes.Buffer
	framer  *http2.Framer // writes to pending
	head    header
	due     bool // somebody is about to write
	writing bool
	closed  bool
	free    *sync.Cond // there is room for more, nobody writes, or it is closed
	until   time.Time  // the deadline of writes
}

func newOutbox(conn net.Conn, patient time.Duration, failed func(error)) *outbox {
	o := &outbox{conn: conn, patient: patient, failed: failed, pending: &bytes.Buffer{}, spare: &bytes.Buffer{}}
	o.free = sync.NewCond(&o.mu)
	o.framer = http2.NewFramer(writerOf{o}, nil)
	o.head.encoder = hpack.NewEncoder(&o.head.text)
	return o
}

// writerOf is where the framer writes to, under the lock.
type writerOf struct{ o *outbox }

func (w writerOf) Write(p []byte) (int, error) { return w.o.pending.Write(p) }

// send adds frames, which must be few bytes, and has them written. It does not wait for that: the far end may be slow.
func (o *outbox) send(frames func(*http2.Framer, *header)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sendLocked(frames)
}

// sendLocked is send for who has the lock.
func (o *outbox) sendLocked(frames func(*http2.Framer, *header)) {
	if o.closed {
		return
	}
	frames(o.framer, &o.head)
	o.schedule()
}

// schedule has what waits written, after everybody who was about to add to it has done so. It needs the lock.
func (o *outbox) schedule() {
	if !o.due && !o.writing && o.pending.Len() > 0 {
		o.due = true
		go o.write()
	}
}

// data sends a piece of a body, of at most the size of a frame, and waits while too much is unwritten.
func (o *outbox) data(id uint32, p []byte, flags http2.Flags) error {
	if len(p) > maxCopied {
		return o.direct(id, p, flags)
	}
	return o.patiently(func(f *http2.Framer, _ *header) { _ = f.WriteData(id, flags.Has(http2.FlagDataEndStream), p) })
}

// patiently is send for who waits while too much is unwritten.
func (o *outbox) patiently(frames func(*http2.Framer, *header)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.pending.Len() > maxUnwritten && !o.closed {
		o.free.Wait()
	}
	if o.closed {
		return net.ErrClosed
	}
	o.sendLocked(frames)
	return nil
}

// direct writes a large piece.
func (o *outbox) direct(id uint32, p []byte, flags http2.Flags) error {
	o.large.Lock()
	defer o.large.Unlock()
	o.mu.Lock()
	for o.writing && !o.closed {
		o.free.Wait()
	}
	if o.closed {
		o.mu.Unlock()
		return net.ErrClosed
	}
	before := o.take()
	o.mu.Unlock()
	head := dataHead(id, len(p), flags)
	before.Write(head[:])
	err := o.join(before, p)
	o.mu.Lock()
	o.gave(before)
	o.writing = false
	o.free.Broadcast()
	o.schedule()
	o.mu.Unlock()
	if err != nil {
		o.failed(err)
	}
	return err
}

// dataHead is the head of a frame as RFC 9113, section 4.1, has it: length, kind, flags and stream.
func dataHead(id uint32, length int, flags http2.Flags) (head [frameHead]byte) {
	binary.BigEndian.PutUint32(head[:], uint32(length)<<8|uint32(http2.FrameData)) //nolint:gosec // below 2^24
	head[4] = byte(flags)
	binary.BigEndian.PutUint32(head[5:], id)
	return head
}

func (o *outbox) join(head *bytes.Buffer, body []byte) error {
	if both, ok := o.conn.(joiner); ok {
		return both.WriteJoined(head.Bytes(), body)
	}
	head.Write(body)
	_, err := o.conn.Write(head.Bytes())
	return err
}

// take takes what waits and the turn to write. It needs the lock.
func (o *outbox) take() *bytes.Buffer {
	full := o.pending
	o.pending, o.spare = o.spare, nil
	if o.pending == nil {
		o.pending = &bytes.Buffer{}
	}
	o.writing = true
	o.renew()
	return full
}

// gave takes a buffer back that was written. It needs the lock.
func (o *outbox) gave(full *bytes.Buffer) {
	if full.Cap() <= keptBuffer || o.pending.Len() > 0 && full.Cap() <= 2*maxUnwritten { // more will be written at once
		full.Reset()
		o.spare = full
	}
}

// write writes until there is nothing left.
func (o *outbox) write() {
	runtime.Gosched() // whoever else is about to send something may do so first: one system call is for all
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = false
	for !o.writing && o.pending.Len() > 0 && !o.closed {
		full := o.take()
		o.mu.Unlock()
		_, err := o.conn.Write(full.Bytes())
		if err != nil {
			o.failed(err)
		}
		o.mu.Lock()
		o.gave(full)
		o.writing = false
		o.free.Broadcast()
	}
}

// finish waits until all is written, but not for long.
func (o *outbox) finish(long time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	over := false
	timer := time.AfterFunc(long, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		over = true
		o.free.Broadcast()
	})
	defer timer.Stop()
	for (o.writing || o.pending.Len() > 0) && !o.closed && !over {
		o.free.Wait()
	}
}

// renew gives the far end time to take what is written. It needs the lock.
func (o *outbox) renew() {
	if now := time.Now(); o.until.Sub(now) < o.patient-time.Second {
		o.until = now.Add(o.patient)
		_ = o.conn.SetWriteDeadline(o.until) // a connection without deadlines has none
	}
}

// unwritten returns how many bytes wait.
func (o *outbox) unwritten() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending.Len()
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.free.Broadcast()
}
