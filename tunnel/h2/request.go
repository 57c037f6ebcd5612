package h2

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// hasBody reports whether anything follows the head of a request.
func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// sound reports what of a request cannot be sent.
func sound(r *http.Request) error {
	if r.URL == nil || r.Method == http.MethodConnect || !httpguts.ValidHeaderFieldName(r.Method) {
		return fmt.Errorf("a request with method %.20q and URL %v cannot be sent", r.Method, r.URL)
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%.50q is no name of a header", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("the value of header %s holds what no header may", name) // which may be a secret
			}
		}
	}
	return nil
}

// own are headers that HTTP/2 says otherwise, or that are for one connection.
func own(name string) bool {
	switch name {
	case "host", "connection", "proxy-connection", "transfer-encoding", "upgrade", "keep-alive", "content-length", "trailer":
		return true
	}
	return false
}

// unique reports whether a header has another value each time, so that both ends need not remember it.
func unique(name string) bool {
	return strings.HasSuffix(name, "-id") || name == "traceparent" || name == "date" || name == "content-length"
}

// writeHead writes the head of a request, with the outbox locked.
func (c *Conn) writeHead(f *http2.Framer, h *header, s *stream, frame int, last bool) {
	h.text.Reset()
	r := s.request
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	h.put(":authority", host, false)
	h.put(":method", r.Method, false)
	h.put(":path", r.URL.RequestURI(), true)
	h.put(":scheme", r.URL.Scheme, false)
	for name, values := range r.Header {
		lower := c.names.lowered(name)
		if own(lower) || lower == "te" && (len(values) != 1 || values[0] != "trailers") || lower == "user-agent" && len(values) == 1 && values[0] == "" {
			continue
		}
		for _, value := range values {
			h.put(lower, value, unique(lower))
		}
	}
	if length := lengthOf(r); length >= 0 {
		h.put("content-length", strconv.FormatInt(length, 10), true)
	}
	h.flush(f, s.id, frame, last)
}

// lengthOf is what is said of the length of a request's body, -1 for nothing.
func lengthOf(r *http.Request) int64 {
	switch {
	case hasBody(r):
		if r.ContentLength > 0 {
			return r.ContentLength
		}
		return -1
	case r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		return 0
	default:
		return -1
	}
}

func (h *header) put(name, value string, unique bool) {
	_ = h.encoder.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: unique}) // a buffer takes all
}

// sendBody sends the body of a request as fast as the far end takes it.
func (s *stream) sendBody(r *http.Request) {
	defer closeBody(r)
	sent, err := s.copyBody(r.Body)
	if err == nil && r.ContentLength > 0 && sent != r.ContentLength {
		err = fmt.Errorf("the request's body has %d bytes, and %d were announced", sent, r.ContentLength)
	}
	switch {
	case errors.Is(err, errStopped):
	case err != nil:
		s.cancel(http2.ErrCodeCancel, err)
	default:
		s.mu.Lock()
		s.unsent, s.sending = false, nil
		s.mu.Unlock()
		s.conn.out.send(func(f *http2.Framer, _ *header) { _ = f.WriteData(s.id, true, nil) })
	}
}

// errStopped says that nobody wants the rest of a body.
var errStopped = errors.New("the far end wants no more of the body")

func (s *stream) copyBody(from io.Reader) (sent int64, err error) {
	buffer := larges.Get().(*large) //nolint:forcetypeassert // nothing else is in it
	defer larges.Put(buffer)
	room := buffer[:min(len(buffer), s.conn.frameSize())] // a piece is a frame
	for {
		n, err := from.Read(room)
		for rest := buffer[:n]; len(rest) > 0; {
			size, err := s.allowed(len(rest))
			if err != nil {
				return sent, err
			}
			if err := s.conn.out.data(s.id, rest[:size], 0); err != nil {
				return sent, err
			}
			rest, sent = rest[size:], sent+int64(size)
		}
		if errors.Is(err, io.EOF) {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
	}
}

// allowed waits until something may be sent, and returns how much of it.
func (s *stream) allowed(want int) (int, error) {
	s.mu.Lock()
	stop := s.stop
	s.mu.Unlock()
	for {
		if stop == nil {
			return 0, errStopped
		}
		size, opened := s.conn.grant(s, want)
		if size > 0 {
			return size, nil
		}
		select {
		case <-opened:
		case <-stop:
			return 0, errStopped
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
}

// grant takes from the windows of the connection and a stream. When there is nothing in them, opened tells when to ask again.
func (c *Conn) grant(s *stream, want int) (size int, opened <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size = int(max(0, min(int64(want), int64(c.frame), c.window, s.sendWindow)))
	c.window -= int64(size)
	s.sendWindow -= int64(size)
	return size, c.opened
}
