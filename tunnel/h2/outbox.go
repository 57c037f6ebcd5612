package h2

import (
	"bytes"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// outbox gathers frames and writes them, in their order. What comes while others are being written goes out with one write.
type outbox struct {
	conn    net.Conn
	patient time.Duration
	failed  func(error)

	mu      sync.Mutex
	pending *bytes.Buffer
	spare   *bytes.Buffer
	framer  *http2.Framer // writes to pending
	head    header
	writing bool
	closed  bool
	room    *sync.Cond // there is room for more, or it is closed
	until   time.Time  // the deadline of writes
}

func newOutbox(conn net.Conn, patient time.Duration, failed func(error)) *outbox {
	o := &outbox{conn: conn, patient: patient, failed: failed, pending: &bytes.Buffer{}, spare: &bytes.Buffer{}}
	o.room = sync.NewCond(&o.mu)
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
	if !o.writing {
		o.writing = true
		go o.write()
	}
}

// wait waits for room for large frames.
func (o *outbox) wait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.pending.Len() > maxUnwritten && !o.closed {
		o.room.Wait()
	}
}

// write writes until there is nothing left.
func (o *outbox) write() {
	runtime.Gosched() // whoever else is about to send something may do so first: one system call is for all
	for {
		o.mu.Lock()
		if o.pending.Len() == 0 || o.closed {
			o.writing = false
			o.mu.Unlock()
			return
		}
		full := o.pending
		o.pending, o.spare = o.spare, nil
		if o.pending == nil {
			o.pending = &bytes.Buffer{}
		}
		o.renew()
		o.mu.Unlock()
		_, err := o.conn.Write(full.Bytes())
		o.mu.Lock()
		if full.Cap() <= keptBuffer || o.pending.Len() > 0 && full.Cap() <= 2*maxUnwritten { // more will be written at once
			full.Reset()
			o.spare = full
		}
		o.room.Broadcast()
		o.mu.Unlock()
		if err != nil {
			o.failed(err)
		}
	}
}

// keptBuffer is what an idle connection may hold for what it writes.
const keptBuffer = 4 << 10

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
	o.room.Broadcast()
}
