package relay

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

var errTakenBack = errors.New("the body was taken back")

// body is that of a caller's request. It is lent to one attempt at a time, and can be lent again until it was read.
type body struct {
	io.ReadCloser

	count *atomic.Int64

	mu   sync.Mutex
	loan int
	read bool
}

// lend gives the body to an attempt; nil stays nil.
func (b *body) lend() io.ReadCloser {
	if b.ReadCloser == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loan++
	return loan{b, b.loan}
}

// takeBack reports whether the body is as it was before it was lent, and lets nobody read it until it is lent again.
func (b *body) takeBack() bool {
	if b.ReadCloser == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.read {
		b.loan++
	}
	return !b.read
}

func (b *body) mayRead(of int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read = b.read || b.loan == of
	return b.loan == of
}

// loan is the body as one attempt has it. To close it means nothing: the next attempt may want it.
type loan struct {
	*body

	of int
}

func (l loan) Read(p []byte) (int, error) {
	if !l.mayRead(l.of) {
		return 0, errTakenBack
	}
	n, err := l.ReadCloser.Read(p)
	l.count.Add(int64(n))
	return n, err
}

func (l loan) Close() error { return nil }

// answerBody counts what goes to the caller, and when nothing does because the caller does not read.
type answerBody struct {
	io.ReadCloser

	call *call
}

func (b *answerBody) Read(p []byte) (int, error) {
	b.call.busy.Store(0)
	n, err := b.ReadCloser.Read(p)
	b.call.out.Add(int64(n))
	if n > 0 && err == nil {
		b.call.busy.Store(time.Now().UnixNano()) // until the next read it is being written
	}
	return n, err
}

// stream is an answerBody that can be written to: what a request was upgraded to.
type stream struct {
	answerBody

	to io.ReadWriteCloser
}

func newStream(both io.ReadWriteCloser, c *call) *stream {
	return &stream{answerBody{both, c}, both}
}

// Write sends what the caller sends.
func (s *stream) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.call.in.Add(int64(n))
	return n, err
}

// CloseWrite passes on that the caller sends nothing more.
func (s *stream) CloseWrite() error {
	if half, ok := s.to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
