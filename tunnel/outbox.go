package tunnel

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// maxGathered is what small writes may become together: with what is around them on the way, one record of TLS.
const maxGathered = maxRecord - 64

// outbox sends together what is small. HTTP/2 writes the head of an answer, its body and its end one after the other, and
// each would be a message, a record of TLS and a system call, at this end and at the other. What is large is sent by whoever
// writes it, behind what waits.
type outbox struct {
	to net.Conn

	gone frames
	held credits

	mu      sync.Mutex
	turn    sync.Cond // somebody has stopped sending
	due     bool      // somebody is about to send
	sending bool
	waiting []byte
	in      *chunk        // of which waiting is a part; nil while nothing waits
	err     error         // of all further writes
	empty   chan struct{} // closed when nothing waits any more; nil unless somebody wants to know
}

func newOutbox(to net.Conn) *outbox {
	o := &outbox{to: to}
	o.turn.L = &o.mu
	return o
}

// Write sends p, or has it sent soon. What fails then is told to the next Write.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	written := len(p)
	if p = o.withCredits(p); p == nil {
		return written, o.err
	}
	for o.sending && o.overflows(p) {
		o.turn.Wait()
	}
	if o.overflows(p) {
		o.send()
	}
	if o.err != nil {
		return 0, o.err
	}
	if len(p) <= maxGathered {
		o.gather(p)
		return written, nil
	}
	n, err := o.put(p)
	o.send() // what others have written meanwhile
	return n, err
}

// withCredits holds p back when it only says that windows have grown, and adds what was held back to what is sent anyway.
func (o *outbox) withCredits(p []byte) []byte {
	whole := o.gone.atStart()
	o.gone.follow(p)
	switch {
	case !whole || len(p) > maxGathered/2:
		return p
	case o.held.take(p):
		if !o.held.due() {
			return nil
		}
		return o.held.tell(nil)
	case len(o.held) == 0:
		return p
	default:
		return append(o.held.tell(nil), p...)
	}
}

// overflows reports whether what waits has to go before p.
func (o *outbox) overflows(p []byte) bool {
	return o.err == nil && (o.sending || len(o.waiting) > 0) && len(o.waiting)+len(p) > maxGathered
}

// gather needs the lock, and room for p.
func (o *outbox) gather(p []byte) {
	if o.in == nil {
		o.in = chunks.Get().(*chunk) //nolint:forcetypeassert // nothing else is in it
		o.waiting = o.in[:0]
	}
	o.waiting = append(o.waiting, p...)
	if !o.due && !o.sending {
		o.due = true
		go o.later()
	}
}

// later sends what waits, after everybody who was about to write has done so.
func (o *outbox) later() {
	runtime.Gosched()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = false
	if !o.sending { // else whoever sends goes on with it
		o.send()
	}
}

// send sends as long as something waits. It needs the lock, which it gives up meanwhile, and that nobody else sends.
func (o *outbox) send() {
	for o.err == nil && len(o.waiting) > 0 {
		taken, in := o.waiting, o.in
		o.waiting, o.in = nil, nil
		_, _ = o.put(taken) // the error is kept
		chunks.Put(in)
	}
	if o.empty != nil {
		close(o.empty)
		o.empty = nil
	}
}

// put sends p, on the terms of send.
func (o *outbox) put(p []byte) (n int, err error) {
	o.sending = true
	o.mu.Unlock()
	_ = o.to.SetWriteDeadline(time.Now().Add(writeByteTimeout)) // what has ended fails next
	n, err = o.to.Write(p)
	_ = o.to.SetWriteDeadline(time.Time{}) // the same
	o.mu.Lock()
	o.sending, o.err = false, err
	o.turn.Broadcast()
	return n, err
}

// finish waits until nothing waits any more, but not for long.
func (o *outbox) finish() {
	o.mu.Lock()
	if o.err != nil || !o.sending && !o.due {
		o.mu.Unlock()
		return
	}
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	empty := o.empty
	o.mu.Unlock()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
	}
}
