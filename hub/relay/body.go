package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

var errTakenBack = errors.New("the body was taken back")

// maxKept is how large a body may be to be kept until the request was answered. Nearly all that kubectl writes is smaller.
const maxKept = 64 << 10

// body is that of a caller's request. It is lent to one attempt at a time, and can be lent again until it was read; a small
// one that is kept can be lent at any time.
type body struct {
	io.ReadCloser

	count *atomic.Int64
	kept  []byte

	mu   sync.Mutex
	loan int
	read bool
}

// bodyOf returns the body of a request, and keeps it if it is small.
func bodyOf(r *http.Request, count *atomic.Int64) (*body, error) {
	made := &body{ReadCloser: r.Body, count: count}
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > maxKept {
		return made, nil
	}
	made.kept = make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, made.kept)
	count.Add(int64(n))
	if err != nil {
		return nil, fmt.Errorf("read the body of a request: %w", err)
	}
	return made, nil
}

// lend gives the body to an attempt; nil stays nil.
func (b *body) lend() io.ReadCloser {
	switch {
	case b.kept != nil:
		return io.NopCloser(bytes.NewReader(b.kept))
	case b.ReadCloser == nil:
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loan++
	return loan{b, b.loan}
}

// takeBack reports whether the body is as it was before it was lent, and lets nobody read it until it is lent again.
func (b *body) takeBack() bool {
	if b.ReadCloser == nil || b.kept != nil {
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

// Ready reports whether some of it can be read without waiting, as far as that is known.
func (b *answerBody) Ready() bool { return isReady(b.ReadCloser) }

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
