package h2

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
)

// usualHeaders is about how many headers an answer has.
const usualHeaders = 12

var errReplyOver = errors.New("the answer has ended already")

// reply is the answer to a request, as its handler writes it.
type reply struct {
	stream *stream
	header http.Header
	status int   // 0 until the handler has said it
	begun  bool  // the head is on its way
	ended  bool  // so is the end
	left   int64 // of the length that the head announces, -1 if it does not
}

// Header implements http.ResponseWriter.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter. The head goes with what is written next.
func (r *reply) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999 || status == http.StatusSwitchingProtocols:
		panic(fmt.Sprintf("a handler answers with status %d", status))
	case r.status != 0: // the first one counts
	case status < http.StatusOK:
		frame := r.stream.conn.frameSize()
		r.stream.conn.out.send(func(f *http2.Framer, h *header) {
			r.encode(h, status)
			h.flush(f, r.stream.id, frame, false)
		})
	default:
		r.status = status
		if said := r.header["Content-Length"]; len(said) > 0 {
			if length, err := strconv.ParseUint(said[0], 10, 63); err == nil {
				r.left = int64(length)
			}
		}
	}
}

// bodyless reports whether nothing follows the head of the answer, whatever it says.
func (r *reply) bodyless() bool {
	return r.stream.request.Method == http.MethodHead || r.status == http.StatusNoContent || r.status == http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (r *reply) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	switch {
	case r.bodyless():
		if r.stream.request.Method == http.MethodHead {
			return len(p), nil
		}
		return 0, http.ErrBodyNotAllowed
	case r.left >= 0 && int64(len(p)) > r.left:
		return 0, http.ErrContentLength
	case r.ended && len(p) > 0:
		return 0, errReplyOver
	case len(p) == 0:
		return 0, nil
	}
	var flags http2.Flags
	if r.left == int64(len(p)) && !r.announces() {
		flags = http2.FlagDataEndStream
	}
	if r.left >= 0 {
		r.left -= int64(len(p))
	}
	return r.send(p, flags)
}

// send sends a piece of the body, the head first, and the flags with the last of it.
func (r *reply) send(p []byte, flags http2.Flags) (int, error) {
	sent := 0
	for sent < len(p) {
		size, err := r.stream.allowed(len(p) - sent)
		if err != nil {
			return sent, r.stream.gone(err)
		}
		with := flags
		if sent+size < len(p) {
			with = 0
		}
		if err := r.put(p[sent:sent+size], with); err != nil {
			return sent, err
		}
		r.ended = with.Has(http2.FlagDataEndStream)
		sent += size
	}
	return sent, nil
}

// put sends what may be sent of a piece.
func (r *reply) put(p []byte, flags http2.Flags) error {
	out := r.stream.conn.out
	if r.begun || len(p) > maxCopied {
		r.start(false)
		return out.data(r.stream.id, p, flags)
	}
	r.begun = true
	frame := r.stream.conn.frameSize()
	return out.patiently(func(f *http2.Framer, h *header) {
		r.encode(h, r.status)
		h.flush(f, r.stream.id, frame, false)
		_ = f.WriteData(r.stream.id, flags.Has(http2.FlagDataEndStream), p)
	})
}

// start sends the head, unless it was.
func (r *reply) start(end bool) {
	if r.begun {
		return
	}
	r.begun, r.ended = true, end
	frame := r.stream.conn.frameSize()
	r.stream.conn.out.send(func(f *http2.Framer, h *header) {
		r.encode(h, r.status)
		h.flush(f, r.stream.id, frame, end)
	})
}

// encode writes a head into h.
func (r *reply) encode(h *header, status int) {
	h.text.Reset()
	h.put(":status", strconv.Itoa(status), false)
	for name, values := range r.header {
		lower := r.stream.conn.names.lowered(name)
		if own(lower) && lower != "content-length" && lower != "trailer" || !httpguts.ValidHeaderFieldName(name) {
			continue // HTTP/2 has it otherwise, or it is for the end
		}
		h.putAll(lower, values)
	}
}

// putAll encodes the values of a header but for those that none may have.
func (h *header) putAll(lower string, values []string) {
	for _, value := range values {
		if httpguts.ValidHeaderFieldValue(value) {
			h.put(lower, value, unique(lower))
		}
	}
}

// FlushError has the head sent. Whatever is written is on its way already.
func (r *reply) FlushError() error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.start((r.bodyless() || r.left == 0) && !r.announces())
	return r.stream.broken()
}

// Flush implements http.Flusher.
func (r *reply) Flush() { _ = r.FlushError() } // the next Write returns the error

// announces reports whether more than a body follows the head.
func (r *reply) announces() bool { return len(r.header["Trailer"]) > 0 }

// end comes after the handler.
func (r *reply) end() {
	s := r.stream
	if r.status == 0 && !r.announces() {
		if r.header["Content-Length"] == nil {
			r.header["Content-Length"] = []string{"0"}
		}
	}
	_ = r.FlushError() // there is nobody to tell
	switch {
	case r.ended:
	case r.left > 0 && !r.bodyless():
		s.cancel(http2.ErrCodeInternal, errAborted)
		return
	default:
		r.finish()
	}
	s.answerEnds()
}

// finish ends the answer, with what follows its body.
func (r *reply) finish() {
	s, trailer := r.stream, r.trailer()
	frame := s.conn.frameSize()
	s.conn.out.send(func(f *http2.Framer, h *header) {
		if len(trailer) == 0 {
			_ = f.WriteData(s.id, true, nil)
			return
		}
		h.text.Reset()
		for name, values := range trailer {
			h.putAll(s.conn.names.lowered(name), values)
		}
		h.flush(f, s.id, frame, true)
	})
}

// trailer returns what the handler has announced, or marked as such.
func (r *reply) trailer() http.Header {
	var all http.Header
	keep := func(name string, values []string) {
		if len(values) == 0 || !httpguts.ValidTrailerHeader(name) {
			return
		}
		if all == nil {
			all = http.Header{}
		}
		all[name] = values
	}
	for _, line := range r.header["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			keep(name, r.header[name])
		}
	}
	for name, values := range r.header {
		if plain, marked := strings.CutPrefix(name, http.TrailerPrefix); marked {
			keep(plain, values)
		}
	}
	return all
}

// SetReadDeadline ends the reading of the request's body at a moment, which is for http.ResponseController.
func (r *reply) SetReadDeadline(t time.Time) error {
	r.stream.deadline(&r.stream.readUntil, t, func() { r.stream.deafen(os.ErrDeadlineExceeded) })
	return nil
}

// SetWriteDeadline ends the stream at a moment, which is for http.ResponseController.
func (r *reply) SetWriteDeadline(t time.Time) error {
	r.stream.deadline(&r.stream.writeUntil, t, func() { r.stream.cancel(http2.ErrCodeInternal, os.ErrDeadlineExceeded) })
	return nil
}

// EnableFullDuplex is so already.
func (*reply) EnableFullDuplex() error { return nil }
