package tunnel

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// serveUpgrade makes an upgrade again of a POST that travels for one.
func serveUpgrade(handler http.Handler, w http.ResponseWriter, r *http.Request) {
	method, protocol := r.Header.Get(MethodHeader), r.Header.Get(UpgradeHeader)
	if r.Method != http.MethodPost || method == "" {
		http.Error(w, "a request that is to be upgraded travels as a POST with "+MethodHeader, http.StatusBadRequest)
		return
	}
	restored := r.WithContext(r.Context())
	restored.Method, restored.Proto, restored.ProtoMajor, restored.ProtoMinor = method, "HTTP/1.1", 1, 1
	restored.Header, restored.Body, restored.ContentLength = r.Header.Clone(), http.NoBody, 0
	restored.Header.Del(UpgradeHeader)
	restored.Header.Del(MethodHeader)
	restored.Header.Set("Connection", "Upgrade")
	restored.Header.Set("Upgrade", protocol)
	writer := &upgradable{ResponseWriter: w, body: r.Body}
	defer writer.end()
	handler.ServeHTTP(writer, restored)
	writer.wait(r)
}

// upgradable is the answer to a request that may be upgraded: it can be hijacked.
type upgradable struct {
	http.ResponseWriter

	body io.ReadCloser
	conn *stream
}

// WriteHeader answers without an upgrade.
func (u *upgradable) WriteHeader(status int) {
	u.Header().Del(UpgradeHeader) // no answer of the handler's is one
	u.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (u *upgradable) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// Hijack implements http.Hijacker. What is written first must be the head of an HTTP/1.1 answer.
func (u *upgradable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if u.conn != nil {
		return nil, nil, http.ErrHijacked
	}
	u.conn = &stream{
		writer: u.ResponseWriter, control: http.NewResponseController(u.ResponseWriter), body: u.body, closed: make(chan struct{}),
	}
	return u.conn, bufio.NewReadWriter(bufio.NewReaderSize(u.conn, 16), bufio.NewWriter(u.conn)), nil
}

// wait keeps the stream open for whoever has hijacked it.
func (u *upgradable) wait(r *http.Request) {
	if u.conn == nil {
		return
	}
	select {
	case <-u.conn.closed:
	case <-r.Context().Done():
	}
}

// end comes before the handler's: from then on net/http has nothing left to write to.
func (u *upgradable) end() {
	if u.conn != nil {
		_ = u.conn.Close()
	}
}

// stream is a hijacked stream of HTTP/2 as a connection.
type stream struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	body    io.ReadCloser

	writing sync.Mutex // against a handler that returns while somebody writes
	head    []byte     // what came of it so far
	open    bool       // it is through
	over    bool
	once    sync.Once
	closed  chan struct{}

	state sync.Mutex // against one that returns while somebody sets a deadline
	ended bool
}

var errStreamClosed = errors.New("the stream is closed")

// Read reads what the far end sends.
func (s *stream) Read(p []byte) (int, error) { return s.body.Read(p) }

// Write sends p, after the head of the answer.
func (s *stream) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.over {
		return 0, errStreamClosed
	}
	rest := p
	if !s.open {
		var err error
		if rest, err = s.answer(p); err != nil || !s.open {
			return len(p), err
		}
	}
	if len(rest) > 0 {
		if _, err := s.writer.Write(rest); err != nil { //nolint:gosec // what is proxied is not ours to judge
			return 0, err
		}
	}
	return len(p), s.control.Flush()
}

// answer gathers the head of the answer and, once it is whole, sends it and returns what followed.
func (s *stream) answer(p []byte) (rest []byte, err error) {
	const end = "\r\n\r\n"
	s.head = append(s.head, p...)
	at := bytes.Index(s.head, []byte(end))
	if at < 0 {
		if len(s.head) > maxAnswer {
			return nil, errors.New("the head of the answer to an upgrade is too large")
		}
		return nil, nil
	}
	head, rest := s.head[:at+len(end)], s.head[at+len(end):]
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
	if err != nil {
		return nil, fmt.Errorf("read the head of the answer to an upgrade: %w", err)
	}
	_ = answer.Body.Close() // there is none to be read
	header := s.writer.Header()
	clear(header)
	maps.Copy(header, answer.Header)
	status := answer.StatusCode
	header.Del(UpgradeHeader)
	if status == http.StatusSwitchingProtocols {
		status = http.StatusOK
		header.Set(UpgradeHeader, answer.Header.Get("Upgrade"))
		header.Del("Content-Length") // net/http says 0 after a POST, and HTTP/2 would hold the stream to that
	}
	if status < http.StatusOK {
		return nil, fmt.Errorf("an upgrade cannot be answered with status %d", status)
	}
	for _, name := range []string{"Connection", "Upgrade", "Transfer-Encoding", "Keep-Alive"} {
		header.Del(name)
	}
	s.writer.WriteHeader(status)
	s.head, s.open = nil, true
	return rest, nil
}

// Close ends the stream in both directions.
func (s *stream) Close() error {
	s.once.Do(func() {
		close(s.closed)
		if !s.writing.TryLock() {
			_ = s.control.SetWriteDeadline(time.Unix(1, 0)) // frees who waits for the far end to read; it would cut what is whole
			s.writing.Lock()
		}
		s.over = true
		s.writing.Unlock()
		s.state.Lock()
		s.ended = true
		s.state.Unlock()
		_ = s.body.Close() // it was given up
	})
	return nil
}

// LocalAddr is unknown: a stream has none.
func (s *stream) LocalAddr() net.Addr { return address{} }

// RemoteAddr is unknown: a stream has none.
func (s *stream) RemoteAddr() net.Addr { return address{} }

// SetDeadline sets both deadlines. One that has passed ends the stream.
func (s *stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (s *stream) SetReadDeadline(t time.Time) error { return s.until(s.control.SetReadDeadline, t) }

// SetWriteDeadline implements net.Conn.
func (s *stream) SetWriteDeadline(t time.Time) error { return s.until(s.control.SetWriteDeadline, t) }

func (s *stream) until(set func(time.Time) error, t time.Time) error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.ended {
		return errStreamClosed
	}
	return set(t)
}

// address is that of a stream.
type address struct{}

// Network implements net.Addr.
func (address) Network() string { return "tunnel" }

// String implements net.Addr.
func (address) String() string { return "tunnel" }
