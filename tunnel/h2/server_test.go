package h2_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/fairlead/fairlead/tunnel/h2"
)

// agreed is what servers in these tests go by.
func agreed() h2.Config {
	return h2.Config{
		MaxStreams: 10, FrameSize: 16 << 10, StreamWindow: window, ConnWindow: 1 << 30, HeaderSize: 1 << 16,
		PingAfter: time.Minute, PingTimeout: time.Minute, WriteTimeout: time.Minute,
	}
}

// asking is a client of net/http's on a server of ours. It has one connection and gets no other.
func asking(t *testing.T, handler http.HandlerFunc, changes ...func(*h2.Config)) (*http.Transport, *h2.Conn) {
	t.Helper()
	near, far := connected(t)
	config := agreed()
	for _, change := range changes {
		change(&config)
	}
	server := h2.NewServer(far, handler, config)
	conns := make(chan net.Conn, 1)
	conns <- near
	client := &http.Transport{DisableCompression: true, MaxConnsPerHost: 1, Protocols: &http.Protocols{}, DialContext: func(context.Context, string, string) (net.Conn, error) {
		select {
		case conn := <-conns:
			return conn, nil
		default:
			return nil, errNoOther
		}
	}}
	client.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(func() { client.CloseIdleConnections(); server.Close() })
	return client, server
}

var errNoOther = errors.New("there is one connection only")

// connected returns both ends of a connection.
func connected(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// said is how a request to a server went.
type said struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
	err     error
}

func ask(t *testing.T, client http.RoundTripper, method, path string, body io.Reader, header ...string) said {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://far"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := client.RoundTrip(r)
	if err != nil {
		return said{err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return said{answer.StatusCode, answer.Header, answer.Trailer, string(text), err}
}

// What handlers do comes to a client of net/http's as from a server of net/http's.
func TestAnswers(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	for name, c := range map[string]struct {
		method string
		answer http.HandlerFunc
		want   said
	}{
		"Nothing":  {http.MethodGet, func(http.ResponseWriter, *http.Request) {}, said{status: 200, header: http.Header{"Content-Length": {"0"}}}},
		"Text":     {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one") }, said{status: 200, body: "one"}},
		"NotFound": {http.MethodDelete, http.NotFound, said{status: 404, body: "404 page not found\n"}},
		"Length": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "one")
			_, _ = io.WriteString(w, "two")
			if _, err := io.WriteString(w, "more"); !errors.Is(err, http.ErrContentLength) {
				t.Error(err)
			}
		}, said{status: 202, body: "onetwo", header: http.Header{"Content-Length": {"6"}}}},
		"TooShort": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6")
			_, _ = io.WriteString(w, "one")
		}, said{status: 200, body: "one", err: io.ErrUnexpectedEOF}},
		"Large": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, large) }, said{status: 200, body: large}},
		"Head": {http.MethodHead, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "unseen")
		}, said{status: 200, header: http.Header{"Content-Length": {"9"}}}},
		"NoContent": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Error(err)
			}
		}, said{status: 204}},
		"HintBefore": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK) // the first one counts
		}, said{status: 418}},
		"OfOneConnection": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Connection"], w.Header()["X-Bad"], w.Header()["a b"] = []string{"X-Kept"}, []string{"a\r\nb: c", "fine"}, []string{"x"}
			w.WriteHeader(http.StatusOK)
		}, said{status: 200, header: http.Header{"Connection": nil, "X-Bad": {"fine"}}}},
		"Trailers": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			w.Header().Set("Content-Length", "3")
			_, _ = io.WriteString(w, "one")
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"X-Late", "2")
		}, said{status: 200, body: "one", header: http.Header{"X-Sum": nil}, trailer: http.Header{"X-Sum": {"1"}, "X-Late": {"2"}}}},
		"GivenUp": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "one")
			panic(http.ErrAbortHandler)
		}, said{status: 200, err: http2.StreamError{}}},
		"Overdue": {http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "one")
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now())
			if _, err := io.WriteString(w, "two"); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		}, said{status: 200, err: http2.StreamError{}}},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := asking(t, c.answer)
			ask(t, client, c.method, "/", nil).check(t, c.want)
			soon(t, "the stream is gone", func() bool { return server.InFlight() == 0 })
		})
	}
}

func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); <-time.After(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("not so: %s", what)
		}
	}
}

// check compares with what was wanted. Of headers and trailers only those are looked at that are.
func (got said) check(t *testing.T, want said) {
	t.Helper()
	if (got.err == nil) != (want.err == nil) {
		t.Fatal(got.err)
	}
	if got.err == nil && (got.status != want.status || got.body != want.body) {
		t.Errorf("%d with %d bytes: %.50q", got.status, len(got.body), got.body)
	}
	for what, both := range map[string][2]http.Header{"header": {got.header, want.header}, "trailer": {got.trailer, want.trailer}} {
		for name, values := range both[1] {
			if strings.Join(both[0][name], ",") != strings.Join(values, ",") {
				t.Errorf("%s %s: %q", what, name, both[0][name])
			}
		}
	}
}

// A handler sees a request as net/http shows it.
func TestRequests(t *testing.T) {
	client, _ := asking(t, func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintln(w, r.Method, r.Host, r.URL, r.RequestURI, r.Proto, r.ContentLength, len(text), err, r.Header["Cookie"], r.Header["X"], r.Header["Host"], r.Header["Expect"])
	})
	large := strings.Repeat("x", 3*window)
	for _, c := range []struct {
		method, path string
		body         io.Reader
		want         string
	}{
		{http.MethodGet, "/a%2Fb?c=%2e", nil, "GET far /a%2Fb?c=%2e /a%2Fb?c=%2e HTTP/2.0 0 0 <nil> [a=1; b=2] [1 2] [] []\n"},
		{http.MethodPost, "/", strings.NewReader("one"), "POST far / / HTTP/2.0 3 3 <nil> [a=1; b=2] [1 2] [] []\n"},
		{http.MethodPut, "/", struct{ io.Reader }{strings.NewReader(large)}, "PUT far / / HTTP/2.0 -1 3145728 <nil> [a=1; b=2] [1 2] [] []\n"},
	} {
		if got := ask(t, client, c.method, c.path, c.body, "Cookie", "a=1", "Cookie", "b=2", "X", "1", "X", "2", "Expect", "100-continue"); got.body != c.want || got.err != nil {
			t.Errorf("%q, %v", got.body, got.err)
		}
	}
}

// then is a body of which something comes at once, and the rest perhaps.
type then struct {
	io.Reader
	io.Closer
}

// Whoever answers without reading all of a request has it stopped, and others go on.
func TestARequestMayBeAnsweredEarly(t *testing.T) {
	client, server := asking(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		_ = r.Body.Close()
		http.Error(w, "no", http.StatusForbidden)
	})
	reading, writing := io.Pipe()
	defer writing.Close()
	got := ask(t, client, http.MethodPut, "/", then{io.MultiReader(strings.NewReader(strings.Repeat("x", 3*window)), reading), reading})
	if got.status != http.StatusForbidden || got.body != "no\n" {
		t.Errorf("%+v", got)
	}
	if got := ask(t, client, http.MethodGet, "/", nil); got.status != 200 || got.err != nil {
		t.Errorf("the next one: %+v", got)
	}
	soon(t, "nothing is under way", func() bool { return server.InFlight() == 0 })
}

// A body that comes too slowly can be given up, and answered.
func TestABodyHasADeadline(t *testing.T) {
	client, _ := asking(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if text, err := io.ReadAll(r.Body); string(text) != "begun" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q, %v", text, err)
		}
		w.WriteHeader(http.StatusRequestTimeout)
	})
	reading, writing := io.Pipe()
	defer writing.Close()
	if got := ask(t, client, http.MethodPut, "/", then{io.MultiReader(strings.NewReader("begun"), reading), reading}); got.status != http.StatusRequestTimeout {
		t.Errorf("%+v", got)
	}
}

// Many write large and small pieces at once, and each gets its own.
func TestAnswersDoNotMix(t *testing.T) {
	client, server := asking(t, func(w http.ResponseWriter, r *http.Request) {
		size, piece := 40_000, []byte(r.URL.Path[1:])
		if r.URL.Query().Has("small") {
			size = 100
		}
		for range 50 {
			if _, err := w.Write(bytes.Repeat(piece, size)); err != nil {
				t.Error(err)
			}
		}
	}, func(c *h2.Config) { c.MaxStreams = 100 })
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			path, size := string(rune('a'+i%26)), 40_000
			if i%2 == 0 {
				path, size = path+"?small", 100
			}
			got := ask(t, client, http.MethodGet, "/"+path, nil)
			if got.err != nil || got.body != strings.Repeat(path[:1], 50*size) {
				t.Errorf("%d bytes, %v", len(got.body), got.err)
			}
		})
	}
	all.Wait()
	soon(t, "nothing is under way", func() bool { return server.InFlight() == 0 })
}

// A panic ends one answer, is told, and leaves the others alone.
func TestAHandlerPanics(t *testing.T) {
	told := make(chan string, 2)
	client, _ := asking(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			panic("oh")
		}
	}, func(c *h2.Config) {
		c.Panicked = func(why any, stack []byte) { told <- fmt.Sprintln(why, len(stack) > 0) }
	})
	if got := ask(t, client, http.MethodGet, "/bad", nil); got.err == nil {
		t.Errorf("%+v", got)
	}
	if got := <-told; got != "oh true\n" {
		t.Error(got)
	}
	if got := ask(t, client, http.MethodGet, "/", nil); got.status != 200 {
		t.Errorf("%+v", got)
	}
}

// Whoever waits for a caller who has gone is told so.
func TestACallerGoes(t *testing.T) {
	gone := make(chan error, 1)
	client, server := asking(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		_, err := io.WriteString(w, "x")
		gone <- err
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://far/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	cancel()
	if err := <-gone; err == nil {
		t.Error("it wrote to nobody")
	}
	soon(t, "the stream is gone", func() bool { return server.InFlight() == 0 })
}

// A server that goes away answers what it has taken, and closes then.
func TestAServerGoesAway(t *testing.T) {
	release := make(chan struct{})
	client, server := asking(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, strings.Repeat("x", 200_000))
	})
	got := make(chan said, 1)
	go func() { got <- ask(t, client, http.MethodGet, "/", nil) }()
	soon(t, "it is being answered", func() bool { return server.InFlight() == 1 })
	server.Shutdown()
	server.Shutdown() // once is enough
	soon(t, "it takes nothing more", func() bool { return errors.Is(ask(t, client, http.MethodGet, "/", nil).err, errNoOther) })
	close(release)
	if r := <-got; len(r.body) != 200_000 || r.err != nil {
		t.Errorf("%d bytes, %v", len(r.body), r.err)
	}
	select {
	case <-server.Done():
	case <-time.After(10 * time.Second):
		t.Error("it did not close")
	}
}
