package tunnel_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// script is a connection on which everything that is read is known beforehand, and all that is written is forgotten.
type script struct {
	net.Conn

	bytes.Reader
}

func (s *script) Read(p []byte) (int, error)       { return s.Reader.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(binaryFrame, true, "one")), true)
	f.Add([]byte(frame(binaryFrame&^final, true, "one")+frame(ping, true, "x")+frame(continued, true, "two")), true)
	f.Add([]byte(frame(closing, true, "\x03\xe8bye")), true)
	f.Add([]byte(frame(binaryFrame, false, string(make([]byte, 300)))), false)
	f.Add([]byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"), true)
	f.Fuzz(func(t *testing.T, said []byte, fromClient bool) {
		s := &script{}
		s.Reset(said)
		conn := tunnel.NewConn(s, !fromClient)
		read, err := io.ReadAll(conn)
		if err == nil || len(read) > len(said) {
			t.Errorf("%d bytes of %d, ended with %v", len(read), len(said), err)
		}
		if _, again := conn.Read(make([]byte, 1)); again == nil {
			t.Error("there is more after the end")
		}
	})
}

// What is written arrives, however it is cut, in both directions.
func FuzzWrites(f *testing.F) {
	f.Add([]byte("hello"), uint32(3), true)
	f.Add(make([]byte, 70000), uint32(70000), false)
	f.Add([]byte("head and body, which is masked as one"), uint32(9), true)
	f.Fuzz(func(t *testing.T, content []byte, at uint32, fromClient bool) {
		near, far := net.Pipe()
		from, to := tunnel.NewConn(near, fromClient), tunnel.NewConn(far, !fromClient)
		cut := min(int(at), len(content))
		go func() {
			_, _ = from.Write(content[:cut])
			_, _ = from.Write(content[cut:])
			_ = from.WriteJoined(content[:cut], content[cut:])
			near.Close()
		}()
		got, _ := io.ReadAll(to)
		if !bytes.Equal(got, slices.Concat(content, content)) {
			t.Errorf("%d bytes of twice %d arrived, or others", len(got), len(content))
		}
		to.Close()
	})
}

// The head of an answer to an upgrade comes from the API server, the rest of the request from whoever calls.
func FuzzUpgrade(f *testing.F) {
	f.Add("GET", "websocket", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nrest", 10)
	f.Add("POST", "SPDY/3.1", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 1)
	f.Add("", "x", "\r\n\r\n", 2)
	f.Add("0", "0", "HTTP/0.0 000 00000000000000000\r\n\r\n", 10)
	f.Fuzz(func(t *testing.T, method, protocol, answer string, piece int) {
		handler := tunnel.Upgrading(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(tunnel.UpgradeHeader) != "" || r.Header.Get(tunnel.MethodHeader) != "" || r.Method != method {
				t.Errorf("the handler sees %s %v", r.Method, r.Header)
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for rest := answer; rest != ""; {
				n := min(max(1, piece), len(rest))
				if _, err := io.WriteString(conn, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}))
		request := httptest.NewRequest(http.MethodPost, "/", nil)
		request.Header.Set(tunnel.MethodHeader, method)
		request.Header.Set(tunnel.UpgradeHeader, protocol)
		recorded := &deadlines{httptest.NewRecorder()}
		handler(recorded, request)
		if chosen := recorded.Header().Get(tunnel.UpgradeHeader); chosen != "" && recorded.Code != http.StatusOK {
			t.Errorf("status %d with %q", recorded.Code, chosen)
		}
	})
}

// deadlines is a recorder that takes deadlines.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }
func (deadlines) SetReadDeadline(time.Time) error  { return nil }

// Whatever a server answers to a handshake, Dial ends, and it is no WebSocket unless it is.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 30\r\n\r\n{\"error\":{\"code\":\"NotFound\"}}"))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		near, far := net.Pipe()
		go func() {
			_, _ = http.ReadRequest(bufio.NewReader(far))
			_, _ = far.Write(answer)
			far.Close()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := (&tunnel.Dialer{URL: "http://hub"}).Shake(ctx, near); err == nil {
			t.Error("that is a WebSocket")
		}
		near.Close()
	})
}
