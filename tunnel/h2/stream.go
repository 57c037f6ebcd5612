package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// stream is a request and its answer. At a client it is the answer's body, at a server the request's.
type stream struct {
	conn    *Conn
	id      uint32
	ctx     context.Context //nolint:containedctx // of the request, whose body reads end with it
	head    bool            // the answer has no body, whatever its head says
	request *http.Request

	answered chan struct{} // gets one when there is a head, or the end
	signal   chan struct{} // gets one when there is more to read, or the end

	mu       sync.Mutex
	begun    bool           // the head of what comes is here
	answer   *http.Response // nil at a server
	content  content
	length   int64 // of the body as the head has it, -1 if it does not
	received int64
	window   int64 // what may still come
	unread   int64 // what was read since the window was opened
	ended    bool  // the far end has said all
	err      error // why nothing more comes, io.EOF after all
	trailer  http.Header
	shut     error       // why nobody reads any more
	unwatch  func() bool // stops waiting for the end of ctx; at a server it ends it
	why      error       // of the end of the stream, in both directions

	readUntil, writeUntil *time.Timer // at a server

	// Of what is sent.
	sendWindow int64
	sending    io.Closer     // the request's body, until it was sent
	unsent     bool          // the request has not ended yet
	stop       chan struct{} // closed when no more is to be sent
}

// start enters a stream, and writes the head of the request.
func (c *Conn) start(r *http.Request) (*stream, error) {
	body := hasBody(r)
	s := &stream{
		conn: c, ctx: r.Context(), head: r.Method == http.MethodHead, request: r, length: -1, window: int64(c.config.StreamWindow),
		answered: make(chan struct{}, 1), signal: make(chan struct{}, 1),
	}
	if body {
		s.sending, s.unsent, s.stop = r.Body, true, make(chan struct{})
	}
	// Streams are opened in the order of their numbers, which is that in which their heads are written.
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.mu.Lock()
	if c.err != nil || c.away || uint32(len(c.streams)) >= c.most || c.next > maxStreamID-2 { //nolint:gosec // a length
		c.mu.Unlock()
		return nil, ErrUnavailable
	}
	s.id, s.sendWindow = c.next, c.initial
	if c.next += 2; c.next == fewLeft+1 && c.config.FewLeft != nil {
		go c.config.FewLeft()
	}
	c.streams[s.id] = s
	frame := c.frame
	c.mu.Unlock()
	c.out.sendLocked(func(f *http2.Framer, h *header) { c.writeHead(f, h, s, frame, !body) })
	return s, nil
}

// RoundTrip sends a request and returns the answer once its head has come. The body of the request may go on then.
func (c *Conn) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := sound(r); err != nil {
		closeBody(r)
		return nil, err
	}
	s, err := c.start(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	if hasBody(r) {
		go s.sendBody(r)
	}
	select {
	case <-s.answered:
	case <-s.ctx.Done():
		s.cancel(http2.ErrCodeCancel, s.ctx.Err())
		return nil, s.ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer == nil {
		return nil, s.err
	}
	if !s.ended {
		s.unwatch = context.AfterFunc(s.ctx, func() { s.cancel(http2.ErrCodeCancel, s.ctx.Err()) })
	}
	return s.answer, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // it is not read
	}
}

// remove takes the stream out of the connection, and reports whether it was there.
func (s *stream) remove() bool {
	c := s.conn
	c.mu.Lock()
	_, there := c.streams[s.id]
	delete(c.streams, s.id)
	c.mu.Unlock()
	return there
}

// end notes why nothing more comes, and wakes who waits.
func (s *stream) end(why error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = why
	}
	if s.why == nil {
		s.why = why
	}
	s.ended = true
	for _, timer := range []*time.Timer{s.readUntil, s.writeUntil} {
		if timer != nil {
			timer.Stop()
		}
	}
	sending, stop, unwatch := s.sending, s.stop, s.unwatch
	s.sending, s.stop, s.unwatch = nil, nil, nil
	if s.shut != nil || s.err != io.EOF { //nolint:errorlint // a wrapped one is not the end
		s.content.drop()
	}
	s.mu.Unlock()
	if stop != nil {
		close(stop)
	}
	if unwatch != nil {
		unwatch()
	}
	if sending != nil {
		_ = sending.Close() // it is not read any more
	}
	wake(s.answered)
	wake(s.signal)
}

func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default: // it has yet to look
	}
}

// cancel ends the stream before the far end does.
func (s *stream) cancel(code http2.ErrCode, why error) {
	if s.remove() {
		s.conn.out.send(func(f *http2.Framer, _ *header) { _ = f.WriteRSTStream(s.id, code) })
		s.end(why)
		s.conn.changed()
	}
}

// finish is for a stream of which the far end has said all. It needs no lock.
func (s *stream) finish(why error) {
	if !s.remove() {
		return
	}
	s.mu.Lock()
	unsent := s.unsent
	s.mu.Unlock()
	if unsent { // nobody wants to hear the rest
		s.conn.out.send(func(f *http2.Framer, _ *header) { _ = f.WriteRSTStream(s.id, http2.ErrCodeNo) })
	}
	s.end(why)
	s.conn.changed()
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for {
		s.mu.Lock()
		n := s.content.take(p)
		refresh := s.consumed(n)
		err, trailer := s.err, s.trailer
		if n == 0 && s.shut != nil {
			err = s.shut
		}
		s.mu.Unlock()
		if refresh > 0 {
			s.conn.out.send(func(f *http2.Framer, _ *header) { _ = f.WriteWindowUpdate(s.id, uint32(refresh)) }) //nolint:gosec // bounded
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if err != nil {
			if err == io.EOF && trailer != nil { //nolint:errorlint // a wrapped one is not the end
				s.answer.Trailer = trailer
			}
			return 0, err
		}
		<-s.signal
	}
}

// Ready reports whether Read returns at once.
func (s *stream) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended || !s.content.empty()
}

var errBodyClosed = errors.New("the body was closed")

// consumed notes that so much was read, and returns by how much the window is to be opened. It needs the lock.
func (s *stream) consumed(n int) int64 {
	s.unread += int64(n)
	if s.ended || s.unread < streamRefresh {
		return 0
	}
	open := s.unread
	s.unread, s.window = 0, s.window+open
	return open
}

// Close says that nobody reads any more.
func (s *stream) Close() error {
	s.mu.Lock()
	s.shut = errBodyClosed
	s.content.drop()
	s.mu.Unlock()
	s.cancel(http2.ErrCodeCancel, errBodyClosed)
	wake(s.signal)
	return nil
}

// data takes a piece of the body. An error is the far end's breach of the rules.
func (s *stream) data(piece []byte, flow int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.begun:
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol, Cause: errors.New("a body before its head")}
	case s.ended:
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeStreamClosed, Cause: errors.New("a body after its end")}
	}
	if s.window -= flow; s.window < 0 {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeFlowControl, Cause: errors.New("more than was allowed")}
	}
	s.received += int64(len(piece))
	if s.length >= 0 && s.received > s.length {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol, Cause: fmt.Errorf("more than the %d bytes that were announced", s.length)}
	}
	s.unread += flow - int64(len(piece)) // padding is read at once
	if s.shut != nil || s.head {
		return nil
	}
	s.content.put(piece)
	wake(s.signal)
	return nil
}

// whole returns what a stream ends with when the far end says that it was all.
func (s *stream) whole() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.length >= 0 && s.received != s.length && !s.head {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
