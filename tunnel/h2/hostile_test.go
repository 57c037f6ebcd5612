package h2_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/fairlead/fairlead/tunnel/h2"
)

// caller is a client that says what a test wants, one thing after the other.
type caller struct {
	*peer

	server *h2.Conn
	before chan struct{} // closed when the last thing has been said
}

func newCaller(t *testing.T, handler http.HandlerFunc) *caller {
	t.Helper()
	near, far := net.Pipe()
	c := &caller{peer: &peer{t: t, far: far, framer: http2.NewFramer(far, far)}}
	c.encode = hpack.NewEncoder(&c.heads)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.server = h2.NewServer(near, handler, agreed())
	t.Cleanup(func() { c.server.Close(); far.Close(); <-c.before })
	c.say(func(c *caller) {
		_, _ = io.WriteString(far, http2.ClientPreface)
		_ = c.framer.WriteSettings()
	})
	for range 3 { // settings, the connection's window, and the acknowledgement
		c.read()
	}
	return c
}

// say has something said after what was said before. The server may end it.
func (c *caller) say(what func(*caller)) {
	before, done := c.before, make(chan struct{})
	c.before = done
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		what(c)
	}()
}

// request sends the head of a request, with further fields in pairs.
func (c *caller) request(id uint32, last bool, fields ...string) {
	c.fields(id, last, append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "far"}, fields...)...)
}

// fields sends a head of these fields, in pairs.
func (c *caller) fields(id uint32, last bool, fields ...string) {
	c.heads.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.heads.Bytes(), EndHeaders: true, EndStream: last})
}

// A request that breaks the rules is not looked at, and the connection goes on.
func TestRequestsThatAreNone(t *testing.T) {
	looked := make(chan string, 10)
	for name, send := range map[string]func(*caller){
		"Connection":     func(c *caller) { c.request(1, true, "connection", "close") },
		"Transfer":       func(c *caller) { c.request(1, true, "transfer-encoding", "chunked") },
		"Te":             func(c *caller) { c.request(1, true, "te", "gzip") },
		"UpperCase":      func(c *caller) { c.request(1, true, "X-Upper", "1") },
		"Value":          func(c *caller) { c.request(1, true, "x", "a\nb") },
		"LatePseudo":     func(c *caller) { c.request(1, true, "x", "1", ":path", "/other") },
		"TwoPaths":       func(c *caller) { c.request(1, true, ":path", "/other") },
		"NoMethod":       func(c *caller) { c.fields(1, true, ":scheme", "http", ":path", "/") },
		"NoScheme":       func(c *caller) { c.fields(1, true, ":method", "GET", ":path", "/") },
		"NoPath":         func(c *caller) { c.fields(1, true, ":method", "GET", ":scheme", "http") },
		"Connect":        func(c *caller) { c.fields(1, true, ":method", "CONNECT", ":authority", "far:1") },
		"Absolute":       func(c *caller) { c.fields(1, true, ":method", "GET", ":scheme", "http", ":path", "http://other/") },
		"BadEscape":      func(c *caller) { c.fields(1, true, ":method", "GET", ":scheme", "http", ":path", "/%zz") },
		"BadLength":      func(c *caller) { c.request(1, false, "content-length", "-1") },
		"TwoLengths":     func(c *caller) { c.request(1, false, "content-length", "1", "content-length", "2") },
		"MissingBody":    func(c *caller) { c.request(1, true, "content-length", "1") },
		"AnswerToNobody": func(c *caller) { c.fields(1, true, ":status", "200") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, func(w http.ResponseWriter, r *http.Request) {
				looked <- r.URL.Path
				w.WriteHeader(http.StatusNoContent)
			})
			c.say(send)
			if f, ok := c.read().(*http2.RSTStreamFrame); !ok || f.StreamID != 1 || f.ErrCode != http2.ErrCodeProtocol {
				t.Fatalf("it heard %v", f)
			}
			c.say(func(c *caller) {
				c.fields(3, true, ":method", "GET", ":scheme", "http", ":path", "/good", ":authority", "far")
			})
			if f := c.head(); f.StreamID != 3 || f.PseudoValue("status") != "204" {
				t.Errorf("it heard %v", f)
			}
			if got := <-looked; got != "/good" || len(looked) > 0 {
				t.Errorf("the handler saw %s", got)
			}
		})
	}
}

// What breaks the rules of the whole connection ends it.
func TestConnectionsThatAreNone(t *testing.T) {
	for name, send := range map[string]func(*caller){
		"EvenStream": func(c *caller) { c.request(2, true) },
		"BodyOfNone": func(c *caller) { _ = c.framer.WriteData(1, true, []byte("x")) },
		"PushPromise": func(c *caller) {
			_ = c.framer.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
		},
		"BadHeads": func(c *caller) {
			_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true})
		},
		"HugeFrame":  func(c *caller) { _ = c.framer.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 17<<10)) },
		"HugeWindow": func(c *caller) { _ = c.framer.WriteWindowUpdate(0, 1<<31-1) },
		"BadSetting": func(c *caller) { _ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, func(http.ResponseWriter, *http.Request) {})
			c.say(send)
			go c.ignore()
			over(t, c.server)
		})
	}
}

func over(t *testing.T, server *h2.Conn) {
	t.Helper()
	select {
	case <-server.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the connection goes on")
	}
}

// So many requests are taken and no more, and who resets what it asks for gains nothing.
func TestTooManyRequests(t *testing.T) {
	gone, release := make(chan struct{}), make(chan struct{})
	c := newCaller(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		gone <- struct{}{}
		<-release
	})
	most := agreed().MaxStreams
	c.say(func(c *caller) {
		for i := range most + 1 {
			c.request(2*i+1, true)
		}
	})
	if f, ok := c.read().(*http2.RSTStreamFrame); !ok || f.StreamID != 2*most+1 || f.ErrCode != http2.ErrCodeRefusedStream {
		t.Errorf("it heard %v", f)
	}
	for i := range most {
		c.say(func(c *caller) { _ = c.framer.WriteRSTStream(2*i+1, http2.ErrCodeCancel) })
		<-gone
	}
	if n := c.server.InFlight(); n != 0 {
		t.Errorf("%d are under way", n)
	}
	c.say(func(c *caller) { c.request(2*most+3, true) })
	if f, ok := c.read().(*http2.RSTStreamFrame); !ok || f.ErrCode != http2.ErrCodeRefusedStream {
		t.Errorf("it heard %v", f)
	}
	close(release)
}

func TestAHeadThatIsTooLarge(t *testing.T) {
	c := newCaller(t, func(http.ResponseWriter, *http.Request) { t.Error("it was looked at") })
	fields := []string{}
	for range 30 {
		fields = append(fields, "x", strings.Repeat("y", 3000))
	}
	c.say(func(c *caller) { c.request(1, true, fields...) })
	if f := c.head(); f.PseudoValue("status") != "431" {
		t.Errorf("it heard %v", f)
	}
}

// A client that goes away gets what it has asked for, and the connection ends.
func TestACallerGoesAway(t *testing.T) {
	release := make(chan struct{})
	c := newCaller(t, func(http.ResponseWriter, *http.Request) { <-release })
	c.say(func(c *caller) {
		c.request(1, true)
		_ = c.framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	})
	if f, ok := c.read().(*http2.GoAwayFrame); !ok || f.LastStreamID != 1 {
		t.Errorf("it heard %v", f)
	}
	close(release)
	if f := c.head(); f.PseudoValue("status") != "200" || !f.StreamEnded() {
		t.Errorf("it heard %v", f)
	}
	over(t, c.server)
}

// A body that goes on after its end, or is larger than was said, ends its stream alone.
func TestBodiesThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		send func(*caller)
		code http2.ErrCode
	}{
		"AfterTheEnd": {func(c *caller) {
			c.request(1, true)
			_ = c.framer.WriteData(1, true, []byte("x"))
		}, http2.ErrCodeStreamClosed},
		"TooMuch": {func(c *caller) {
			c.request(1, false, "content-length", "1")
			_ = c.framer.WriteData(1, true, []byte("two"))
		}, http2.ErrCodeProtocol},
		"SecondHead": {func(c *caller) {
			c.request(1, false)
			c.request(1, true)
		}, http2.ErrCodeProtocol},
		"BeyondTheWindow": {func(c *caller) {
			c.request(1, false)
			for sent := 0; sent <= window; sent += 16 << 10 {
				_ = c.framer.WriteData(1, false, make([]byte, 16<<10))
			}
		}, http2.ErrCodeFlowControl},
	} {
		t.Run(name, func(t *testing.T) {
			cut := make(chan struct{})
			caller := newCaller(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); close(cut) })
			caller.say(c.send)
			if f, ok := caller.read().(*http2.RSTStreamFrame); !ok || f.ErrCode != c.code {
				t.Errorf("it heard %v", f)
			}
			<-cut
		})
	}
}

func TestAFloodEndsAServer(t *testing.T) {
	for name, flood := range map[string]func(*caller, uint32) error{
		"Pings":    func(c *caller, _ uint32) error { return c.framer.WritePing(false, [8]byte{}) },
		"Settings": func(c *caller, _ uint32) error { return c.framer.WriteSettings() },
		"Breaches": func(c *caller, n uint32) error {
			return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: []byte{0x82}, EndHeaders: true, EndStream: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, func(http.ResponseWriter, *http.Request) {})
			c.say(func(c *caller) {
				for n := uint32(0); flood(c, n) == nil; n++ {
				}
			})
			over(t, c.server)
		})
	}
}

// Whoever does not say that it speaks HTTP/2 is not answered.
func TestACallerThatIsNone(t *testing.T) {
	for name, says := range map[string]string{
		"HTTP1":    "GET / HTTP/1.1\r\nHost: far\r\n\r\n",
		"Requests": http2.ClientPreface + "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82",
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			server := h2.NewServer(near, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was looked at") }), agreed())
			go func() { _, _ = io.Copy(io.Discard, far) }()
			go func() { _, _ = io.WriteString(far, says) }()
			over(t, server)
			far.Close()
		})
	}
}

// FuzzServer says anything to a server, which neither falls over nor holds on to anything.
func FuzzServer(f *testing.F) {
	var said bytes.Buffer
	framer := http2.NewFramer(&said, nil)
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82, 0x84, 0x86, 0x41, 0x03, 'f', 'a', 'r'}, EndHeaders: true})
	_ = framer.WriteData(1, true, []byte("body"))
	_ = framer.WriteWindowUpdate(1, 5)
	_ = framer.WriteRSTStream(1, http2.ErrCodeCancel)
	_ = framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	f.Add(said.Bytes())
	f.Add([]byte("\x00\x00\x04\x08\x00\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, says []byte) {
		near, far := net.Pipe()
		var handled http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			_, _ = w.Write(make([]byte, min(n, 1<<16)))
		}
		server := h2.NewServer(near, handled, agreed())
		go func() { _, _ = io.Copy(io.Discard, far) }()
		_, _ = io.WriteString(far, http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		_, _ = far.Write(says)
		far.Close()
		over(t, server)
		if n := server.InFlight(); n != 0 {
			t.Errorf("%d are under way", n)
		}
	})
}
