package h2_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/fairlead/fairlead/tunnel/h2"
)

const window = 1 << 20

// peer is a far end that says what a test wants.
type peer struct {
	t      *testing.T
	framer *http2.Framer
	conn   *h2.Conn
	far    net.Conn
	few    chan struct{} // gets one when few requests are left
	heads  bytes.Buffer
	encode *hpack.Encoder
}

func newPeer(t *testing.T, most uint32) *peer {
	t.Helper()
	near, far := net.Pipe()
	p := &peer{t: t, far: far, framer: http2.NewFramer(far, far), few: make(chan struct{}, 2)}
	p.encode = hpack.NewEncoder(&p.heads)
	p.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.conn = h2.New(near, h2.Config{
		FrameSize: 16 << 10, StreamWindow: window, ConnWindow: 1 << 30, HeaderSize: 1 << 16, PingAfter: time.Minute, PingTimeout: time.Minute, WriteTimeout: time.Minute,
		FewLeft: func() { p.few <- struct{}{} },
	})
	t.Cleanup(func() { p.conn.Close(); far.Close() })
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(far, preface); err != nil || string(preface) != http2.ClientPreface {
		t.Fatalf("%q, %v", preface, err)
	}
	p.settle(most)
	return p
}

func (p *peer) settle(most uint32) {
	p.t.Helper()
	if _, ok := p.read().(*http2.SettingsFrame); !ok {
		p.t.Fatal("no settings")
	}
	p.read() // of the connection's window
	p.check(p.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: most}))
	if f, ok := p.read().(*http2.SettingsFrame); !ok || !f.IsAck() {
		p.t.Fatal("settings were not acknowledged")
	}
	<-p.conn.Greeted()
}

func (p *peer) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) read() http2.Frame {
	p.t.Helper()
	f, err := p.framer.ReadFrame()
	p.check(err)
	return f
}

// answer sends the head of an answer.
func (p *peer) answer(id uint32, last bool, fields ...string) {
	p.t.Helper()
	p.heads.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.check(p.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.heads.Bytes(), EndHeaders: true, EndStream: last}))
}

// result is how a request went, with all of its body.
type result struct {
	answer *http.Response
	body   string
	err    error
}

func (p *peer) ask(ctx context.Context, method string, body io.Reader) <-chan result {
	p.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, "http://far/path?q=1", body)
	p.check(err)
	request.Header.Set("X-One", "1")
	done := make(chan result, 1)
	go func() {
		answer, err := p.conn.RoundTrip(request)
		if err != nil {
			done <- result{err: err}
			return
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		done <- result{answer, string(text), err}
	}()
	return done
}

func (p *peer) head() *http2.MetaHeadersFrame {
	p.t.Helper()
	f, ok := p.read().(*http2.MetaHeadersFrame)
	if !ok {
		p.t.Fatal("no head")
	}
	return f
}

func TestAnAnswerIsWhole(t *testing.T) {
	cases := map[string]struct {
		method string
		say    func(*peer, uint32)
		status int
		body   string
		broken bool
	}{
		"Plain": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200", "content-length", "5")
			p.check(p.framer.WriteData(id, false, []byte("he")))
			p.check(p.framer.WriteData(id, true, []byte("llo")))
		}, 200, "hello", false},
		"Empty":      {http.MethodGet, func(p *peer, id uint32) { p.answer(id, true, ":status", "204") }, 204, "", false},
		"Head":       {http.MethodHead, func(p *peer, id uint32) { p.answer(id, true, ":status", "200", "content-length", "9") }, 200, "", false},
		"AfterAHint": {http.MethodGet, func(p *peer, id uint32) { p.answer(id, false, ":status", "103"); p.answer(id, true, ":status", "404") }, 404, "", false},
		"Cut": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200", "content-length", "5")
			p.check(p.framer.WriteData(id, true, []byte("he")))
		}, 200, "", true},
		"Reset": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200")
			p.check(p.framer.WriteRSTStream(id, http2.ErrCodeInternal))
		}, 200, "", true},
		"Gone": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200")
			p.check(p.framer.WriteData(id, false, []byte("he")))
			_ = p.far.Close()
		}, 200, "", true},
		"TooMuch": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200", "content-length", "1")
			p.check(p.framer.WriteData(id, true, []byte("he")))
		}, 200, "", true},
		"NoStatus":  {http.MethodGet, func(p *peer, id uint32) { p.answer(id, true, "x", "y") }, 0, "", true},
		"BodyFirst": {http.MethodGet, func(p *peer, id uint32) { p.check(p.framer.WriteData(id, true, []byte("he"))) }, 0, "", true},
		"Switching": {http.MethodGet, func(p *peer, id uint32) { p.answer(id, false, ":status", "101") }, 0, "", true},
		"HugeHead": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, true, append([]string{":status", "200"}, slices.Repeat([]string{"x", strings.Repeat("y", 3000)}, 30)...)...)
		}, 0, "", true},
		"Missing": {http.MethodGet, func(p *peer, id uint32) { p.answer(id, true, ":status", "200", "content-length", "5") }, 0, "", true},
		"BadLength": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200", "content-length", "-5")
			p.check(p.framer.WriteData(id, true, []byte("he")))
		}, 200, "he", false},
		"TrailerLast": {http.MethodGet, func(p *peer, id uint32) {
			p.answer(id, false, ":status", "200")
			p.check(p.framer.WriteData(id, false, []byte("he")))
			p.answer(id, true, "x-sum", "1")
		}, 200, "he", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, 10)
			got := p.ask(t.Context(), c.method, nil)
			head := p.head()
			if head.PseudoValue("path") != "/path?q=1" || head.PseudoValue("authority") != "far" || head.PseudoValue("method") != c.method || !head.StreamEnded() {
				t.Errorf("the far end sees %v", head.Fields)
			}
			go p.ignore()
			c.say(p, head.StreamID)
			r := <-got
			switch {
			case (r.err != nil) != c.broken:
				t.Errorf("%q, %v", r.body, r.err)
			case !c.broken && (r.answer.StatusCode != c.status || r.body != c.body):
				t.Errorf("%d %q", r.answer.StatusCode, r.body)
			case name == "TrailerLast" && r.answer.Trailer.Get("X-Sum") != "1":
				t.Errorf("trailer %v", r.answer.Trailer)
			case p.conn.InFlight() != 0:
				t.Errorf("%d are under way", p.conn.InFlight())
			}
		})
	}
}

// ignore takes what this side says.
func (p *peer) ignore() {
	for {
		if _, err := p.framer.ReadFrame(); err != nil {
			return
		}
	}
}

func TestWhatWasNotLookedAtCanBeSentAgain(t *testing.T) {
	for name, say := range map[string]func(*peer, uint32){
		"Refused": func(p *peer, id uint32) { p.check(p.framer.WriteRSTStream(id, http2.ErrCodeRefusedStream)) },
		"Away":    func(p *peer, _ uint32) { p.check(p.framer.WriteGoAway(0, http2.ErrCodeNo, nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, 10)
			got := p.ask(t.Context(), http.MethodPost, strings.NewReader(""))
			say(p, p.head().StreamID)
			if r := <-got; !errors.Is(r.err, h2.ErrUnavailable) {
				t.Error(r.err)
			}
		})
	}
}

func TestNoMoreThanTheFarEndTakes(t *testing.T) {
	p := newPeer(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	first := p.ask(ctx, http.MethodGet, nil)
	id := p.head().StreamID
	if p.conn.Available() != 0 {
		t.Errorf("%d available", p.conn.Available())
	}
	if r := <-p.ask(t.Context(), http.MethodGet, nil); !errors.Is(r.err, h2.ErrUnavailable) {
		t.Error(r.err)
	}
	cancel()
	if f, ok := p.read().(*http2.RSTStreamFrame); !ok || f.StreamID != id || f.ErrCode != http2.ErrCodeCancel {
		t.Errorf("the far end heard %v", f)
	}
	if r := <-first; !errors.Is(r.err, context.Canceled) {
		t.Error(r.err)
	}
	if p.conn.Available() != 1 {
		t.Errorf("%d available", p.conn.Available())
	}
}

// A body waits for the windows of its stream, and stops when the far end has answered.
func TestABodyWaitsForItsWindow(t *testing.T) {
	p := newPeer(t, 10)
	const size = 100_000
	got := p.ask(t.Context(), http.MethodPut, strings.NewReader(strings.Repeat("x", size)))
	id := p.head().StreamID
	received := 0
	for received < 65_535 {
		received += len(p.read().(*http2.DataFrame).Data())
	}
	if received != 65_535 {
		t.Errorf("%d came", received)
	}
	p.check(p.framer.WriteWindowUpdate(0, size))
	p.check(p.framer.WriteWindowUpdate(id, 10))
	for received < 65_545 {
		received += len(p.read().(*http2.DataFrame).Data())
	}
	p.answer(id, true, ":status", "413")
	if f, ok := p.read().(*http2.RSTStreamFrame); !ok || f.ErrCode != http2.ErrCodeNo {
		t.Errorf("the far end heard %v", f)
	}
	if r := <-got; r.err != nil || r.answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%+v", r)
	}
}

func TestAFarEndThatSendsTooMuchIsCut(t *testing.T) {
	p := newPeer(t, 10)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://far/", nil)
	p.check(err)
	answers := make(chan *http.Response, 1)
	go func() {
		answer, err := p.conn.RoundTrip(request) //nolint:bodyclose // who receives it closes it
		if err == nil {
			answers <- answer
		}
	}()
	id := p.head().StreamID
	p.answer(id, false, ":status", "200")
	answer := <-answers
	defer answer.Body.Close()
	for sent := 0; sent < window; sent += 16 << 10 {
		p.check(p.framer.WriteData(id, false, make([]byte, 16<<10)))
	}
	go func() { _ = p.framer.WriteData(id, false, []byte("x")) }()
	if f, ok := p.read().(*http2.RSTStreamFrame); !ok || f.ErrCode != http2.ErrCodeFlowControl {
		t.Errorf("the far end heard %v", f)
	}
}

// A connection has only so many numbers for requests: half-way through it is said, once, that another one is needed.
func TestWhenFewNumbersAreLeft(t *testing.T) {
	p := newPeer(t, 10)
	p.conn.UseUp(2)
	for asked := range 3 {
		got := p.ask(t.Context(), http.MethodGet, nil)
		p.answer(p.head().StreamID, true, ":status", "200")
		if r := <-got; r.err != nil {
			t.Fatal(r.err)
		}
		if asked == 0 && len(p.few) > 0 {
			t.Error("it was said too early")
		}
	}
	<-p.few
	if len(p.few) > 0 {
		t.Error("it was said twice")
	}
}

func TestHeadersThatAreNone(t *testing.T) {
	p := newPeer(t, 10)
	for name, change := range map[string]func(*http.Request){
		"Name":   func(r *http.Request) { r.Header["a b"] = []string{"x"} },
		"Value":  func(r *http.Request) { r.Header["A"] = []string{"secret\r\nB: c"} },
		"Method": func(r *http.Request) { r.Method = "GET /" },
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://far/", nil)
		p.check(err)
		change(request)
		answer, err := p.conn.RoundTrip(request)
		if answer != nil {
			answer.Body.Close()
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFloodEndsTheConnection(t *testing.T) {
	p := newPeer(t, 10)
	go func() {
		for {
			if p.framer.WritePing(false, [8]byte{}) != nil {
				return
			}
		}
	}()
	select {
	case <-p.conn.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the connection goes on")
	}
}
