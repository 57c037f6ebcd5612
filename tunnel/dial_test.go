package tunnel_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// says is a server that answers whatever comes with a text, and then is silent.
func says(t testing.TB, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, text)
				}
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() { listener.Close(); group.Wait() })
	return listener.Addr().String()
}

func TestWhyThereIsNoWebSocket(t *testing.T) {
	noLeaks(t)
	const envelope = `{"error":{"code":"ResourceNotFound","message":"no such cluster"}}`
	answer := func(status, body string) string {
		return "HTTP/1.1 " + status + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nDate: now\r\n\r\n" + body
	}
	for name, c := range map[string]struct {
		says   string
		reason tunnel.Reason
		status int
	}{
		"Hub":          {answer("404 Not Found", envelope), tunnel.ByServer, 404},
		"Conflict":     {answer("409 Conflict", envelope), tunnel.ByServer, 409},
		"LostOnTheWay": {answer("426 Upgrade Required", strings.Replace(envelope, "ResourceNotFound", "UpgradeRequired", 1)), tunnel.Stripped, 426},
		"Page":         {answer("200 OK", "<html>"), tunnel.Stripped, 200},
		"Gateway":      {answer("502 Bad Gateway", "<html>"), tunnel.Stripped, 502},
		"Forged":       {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n", tunnel.Stripped, 101},
		"Garbage":      {"\x00\x01\x02\r\n\r\n", tunnel.Silent, 0},
		"Nothing":      {"", tunnel.Silent, 0},
		"TooMuch":      {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100_000), tunnel.Silent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dialer := tunnel.Dialer{URL: "http://" + says(t, c.says), Timeout: 300 * time.Millisecond}
			_, err := dialer.Dial(t.Context())
			refused, ok := errors.AsType[*tunnel.Refused](err)
			if !ok || refused.Reason != c.reason || refused.Status != c.status || len(refused.Body) > 4<<10 {
				t.Fatalf("refused with %v", err)
			}
			if c.reason == tunnel.ByServer && (refused.Code != "ResourceNotFound" || refused.Header.Get("Date") != "now") {
				t.Errorf("%+v", refused)
			}
		})
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	if _, err := (&tunnel.Dialer{URL: "http://" + says(t, "")}).Dial(ctx); err == nil || time.Since(started) > 2*time.Second {
		t.Errorf("%v after %s", err, time.Since(started))
	}
}

// A proxy is asked with user and password, and its refusal is told apart from the server's.
func TestDialThroughProxies(t *testing.T) {
	noLeaks(t)
	hub := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := tunnel.Accept(w, r)
		if err == nil {
			conn.Close()
		}
	}))
	t.Cleanup(hub.Close)
	for name, encrypted := range map[string]bool{"Plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			proxy := httptest.NewUnstartedServer(http.HandlerFunc(connects))
			start := proxy.Start
			if encrypted {
				start = proxy.StartTLS
			}
			start()
			t.Cleanup(proxy.Close)
			dialer := tunnel.Dialer{URL: hub.URL, TLS: trusting(hub), Proxy: func(*url.URL) (*url.URL, error) {
				at, err := url.Parse(proxy.URL)
				at.User = url.UserPassword("user", "pass")
				return at, err
			}}
			conn, err := dialer.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			dialer.Proxy = func(*url.URL) (*url.URL, error) { return url.Parse(proxy.URL) }
			_, err = dialer.Dial(t.Context())
			if refused, ok := errors.AsType[*tunnel.Refused](err); !ok || refused.Reason != tunnel.ByProxy || refused.Status != http.StatusProxyAuthRequired {
				t.Errorf("without a password: %v", err)
			}
		})
	}
}

// connects is a proxy for those who know the password.
func connects(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwYXNz" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(near, far); near.Close() }()
	_, _ = io.Copy(far, near)
}

func TestRequestsThatAreNoHandshake(t *testing.T) {
	noLeaks(t)
	good := func() http.Header {
		return http.Header{
			"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
	}
	for name, spoil := range map[string]func(*http.Request){
		"Method":     func(r *http.Request) { r.Method = http.MethodPost },
		"Stripped":   func(r *http.Request) { r.Header.Del("Upgrade") },
		"Connection": func(r *http.Request) { r.Header.Set("Connection", "close") },
		"Version":    func(r *http.Request) { r.Header.Set("Sec-Websocket-Version", "8") },
		"Key":        func(r *http.Request) { r.Header.Set("Sec-Websocket-Key", "short") },
		"HTTP2":      func(r *http.Request) { r.ProtoMajor = 2 },
		"Body":       func(r *http.Request) { r.ContentLength = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Header = good()
			spoil(request)
			answer := httptest.NewRecorder()
			if _, err := tunnel.Accept(answer, request); err == nil || answer.Code != http.StatusUpgradeRequired || !strings.Contains(answer.Body.String(), "UpgradeRequired") {
				t.Errorf("%d %s, %v", answer.Code, answer.Body, err)
			}
		})
	}
}
