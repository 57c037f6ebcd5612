package h2

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// readBuffer is what an idle connection holds for what it reads.
const readBuffer = 4 << 10

// read takes what the far end sends, until the end.
func (c *Conn) read() {
	from := bufio.NewReaderSize(c.conn, readBuffer)
	if err := c.preface(from); err != nil {
		c.fail(err)
		return
	}
	f := http2.NewFramer(nil, from)
	f.SetReuseFrames()
	f.SetMaxReadFrameSize(c.config.FrameSize)
	f.ReadMetaHeaders = hpack.NewDecoder(headerTable, nil)
	f.MaxHeaderListSize = c.config.HeaderSize
	for first := true; ; first = false {
		frame, err := f.ReadFrame()
		c.heard.Store(int64(time.Since(c.began)))
		if err == nil {
			if _, settings := frame.(*http2.SettingsFrame); first && !settings {
				err = errNotHTTP2
			} else {
				err = c.take(frame)
			}
		}
		if bad, ok := errors.AsType[http2.StreamError](err); ok {
			if err = c.breach(bad); err == nil {
				continue
			}
		}
		if errors.Is(err, io.EOF) { // which would be the proper end of all answers
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

var errNotHTTP2 = errors.New("the far end does not speak HTTP/2")

// preface reads what a client says first.
func (c *Conn) preface(from io.Reader) error {
	if c.serves == nil {
		return nil
	}
	said := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(from, said); err != nil {
		return err
	}
	if string(said) != http2.ClientPreface {
		return errNotHTTP2
	}
	return nil
}

// breach ends one stream on which the far end broke the rules. One that is not there is a server's that was not even opened.
func (c *Conn) breach(bad http2.StreamError) error {
	s := c.find(bad.StreamID)
	if s != nil {
		s.cancel(bad.Code, bad)
	}
	if s != nil || c.serves == nil {
		return nil
	}
	c.mu.Lock()
	if bad.StreamID%2 == 1 {
		c.next = max(c.next, bad.StreamID+2)
	}
	c.mu.Unlock()
	return c.reply(func(f *http2.Framer, _ *header) { _ = f.WriteRSTStream(bad.StreamID, bad.Code) })
}

func (c *Conn) find(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// take takes one frame.
func (c *Conn) take(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.DataFrame:
		return c.takeData(f)
	case *http2.MetaHeadersFrame:
		return c.takeHead(f)
	case *http2.SettingsFrame:
		return c.takeSettings(f)
	case *http2.WindowUpdateFrame:
		return c.takeWindow(f)
	case *http2.PingFrame:
		return c.takePing(f)
	case *http2.RSTStreamFrame:
		c.takeReset(f)
	case *http2.GoAwayFrame:
		c.takeGoAway(f)
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil
}

func (c *Conn) takeData(f *http2.DataFrame) error {
	flow := int64(f.Length)
	c.mu.Lock()
	s, opened := c.streams[f.StreamID], f.StreamID < c.next
	refresh := uint32(0)
	if c.unread += flow; c.unread >= connRefresh { // streams bound what is held
		refresh, c.unread = uint32(c.unread), 0 //nolint:gosec // bounded
	}
	c.mu.Unlock()
	if refresh > 0 {
		c.out.send(func(f *http2.Framer, _ *header) { _ = f.WriteWindowUpdate(0, refresh) })
	}
	switch {
	case !opened:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case s == nil: // it was ended here
		return nil
	}
	if err := s.data(f.Data(), flow); err != nil {
		return err
	}
	switch {
	case !f.StreamEnded():
	case c.serves != nil:
		s.complete(s.whole())
	default:
		s.finish(s.whole())
	}
	return nil
}

func (c *Conn) takeHead(f *http2.MetaHeadersFrame) error {
	if c.serves != nil {
		return c.takeRequest(f)
	}
	s := c.find(f.StreamID)
	if s == nil {
		return nil
	}
	if f.Truncated {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errors.New("a head that is too large")}
	}
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	if begun {
		return c.takeTrailer(s, f)
	}
	answer, length, err := c.answerOf(s, f) //nolint:bodyclose // whoever gets it closes it
	if err != nil || answer == nil {
		return err
	}
	if f.StreamEnded() && length > 0 && !s.head {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errors.New("an answer without the body that it announces")}
	}
	s.mu.Lock()
	s.answer, s.length, s.begun = answer, length, true
	s.mu.Unlock()
	if f.StreamEnded() {
		s.finish(io.EOF)
	}
	wake(s.answered)
	return nil
}

// answerOf reads the head of an answer. One that says that another follows is none.
func (c *Conn) answerOf(s *stream, f *http2.MetaHeadersFrame) (answer *http.Response, length int64, err error) {
	code, err := strconv.Atoi(f.PseudoValue("status"))
	if err != nil || code < 100 || code > 999 {
		return nil, 0, http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errors.New("an answer without a status")}
	}
	if code < http.StatusOK {
		if f.StreamEnded() || code == http.StatusSwitchingProtocols {
			return nil, 0, http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: fmt.Errorf("an answer of status %d", code)}
		}
		return nil, 0, nil
	}
	answer = &http.Response{
		Status: statusOf(code), StatusCode: code, Proto: "HTTP/2.0", ProtoMajor: 2, Header: c.headers(f), Request: s.request,
		Body: s, ContentLength: -1,
	}
	length = -1
	if said := answer.Header["Content-Length"]; len(said) > 0 {
		if n, err := strconv.ParseUint(said[0], 10, 63); err == nil {
			length = int64(n)
		}
	}
	if answer.ContentLength = length; f.StreamEnded() {
		answer.Body = http.NoBody
		if length < 0 {
			answer.ContentLength = 0
		}
	}
	return answer, length, nil
}

// headers are those of a head.
func (c *Conn) headers(f *http2.MetaHeadersFrame) http.Header {
	fields := f.RegularFields()
	all := make(http.Header, len(fields))
	values := make([]string, len(fields)) // of all headers
	for i, field := range fields {
		name := c.names.canonical(field.Name)
		if before := all[name]; before != nil {
			all[name] = append(before, field.Value)
			continue
		}
		values[i] = field.Value
		all[name] = values[i : i+1 : i+1]
	}
	return all
}

func statusOf(code int) string {
	if code == http.StatusOK {
		return "200 OK"
	}
	return strconv.Itoa(code) + " " + http.StatusText(code)
}

func (c *Conn) takeTrailer(s *stream, f *http2.MetaHeadersFrame) error {
	if !f.StreamEnded() || len(f.PseudoFields()) > 0 {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errors.New("a second head")}
	}
	trailer := http.Header{}
	for _, field := range f.RegularFields() {
		trailer.Add(field.Name, field.Value)
	}
	s.mu.Lock()
	s.trailer = trailer
	s.mu.Unlock()
	s.finish(s.whole())
	return nil
}
