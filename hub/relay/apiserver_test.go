package relay_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/caller"
)

// apiServer has the kinds of answers that an API server has.
func apiServer() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", echo)
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "small") })
	mux.HandleFunc("/watch", watch)
	mux.HandleFunc("/api/v1/pods", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web"}}}`+"\n"+r.URL.Query().Get("rest"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/flood", flood)
	mux.HandleFunc("/block", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/exec", exec)
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		size, _ := io.Copy(io.Discard, r.Body) // what came
		_, _ = fmt.Fprint(w, size)
	})
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("Clear-Site-Data", "*")
		w.Header().Set("Audit-Id", "kept")
		w.Header().Set("X-Ms-Request-Id", "theirs")
		w.Header().Set(caller.ReasonHeader, caller.ReasonPolicy)
		w.WriteHeader(http.StatusTeapot)
	})
	mux.HandleFunc("/trailer", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-After")
		_, _ = io.WriteString(w, "text")
		w.Header().Set("X-After", "done")
	})
	return mux
}

// watch sends an event each 20 ms until the caller is gone.
func watch(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, _ = io.WriteString(w, "event\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// flood sends as much as the caller reads.
func flood(w http.ResponseWriter, _ *http.Request) {
	chunk := make([]byte, 64<<10)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// exec switches to a protocol in which everything comes back.
func exec(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		http.Error(w, "an upgrade is wanted", http.StatusBadRequest)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		r.Header.Get("Upgrade"), r.Header.Get("Sec-Websocket-Protocol"))
	_, _ = io.Copy(conn, buffered)
}

// http1 returns a client that speaks HTTP/1.1.
func (h *hub) http1(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: h.trust(), ExpectContinueTimeout: patience}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// raw opens a connection of HTTP/1.1 to the hub.
func (h *hub) raw(t testing.TB) net.Conn {
	t.Helper()
	config := h.trust()
	config.NextProtos, config.ServerName = []string{"http/1.1"}, "example.com"
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.front.URL, "https://"))
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(3*patience)))
	return conn
}

// ask1 makes a request over HTTP/1.1 with headers as they are written.
func (c *cluster) ask1(t testing.TB, method, path, headers string) (replied, string) {
	t.Helper()
	return whole(t, c.begin1(t, c.hub.raw(t), method, path, headers)) //nolint:bodyclose // whole closes it
}

func (c *cluster) begin1(t testing.TB, conn net.Conn, method, path, headers string) *http.Response {
	t.Helper()
	address := strings.TrimPrefix(c.url(path), c.hub.front.URL)
	_, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\n%s\r\n", method, address, c.hub.bearer(t), headers)
	check(t, err)
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	check(t, err)
	return answer
}

// upgraded opens a stream in which everything comes back.
func (c *cluster) upgraded(t testing.TB, protocol string) net.Conn {
	t.Helper()
	conn := c.hub.raw(t)
	answer := c.begin1(t, conn, http.MethodPost, "/exec", "Connection: Upgrade\r\nUpgrade: "+protocol+"\r\n") //nolint:bodyclose // the connection is the body
	if answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Upgrade") != protocol {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%d %s", answer.StatusCode, short(string(text)))
	}
	return conn
}

func pingPong(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	check(t, err)
	got := make([]byte, len(text))
	_, err = io.ReadFull(conn, got)
	check(t, err)
	if string(got) != text {
		t.Fatalf("%q came back as %q", text, got)
	}
}
