// Package apiserver stands in for the API server of a connected cluster, where its speed, its stamina or the moment of its
// answers count: it knows the paths and shapes of Kubernetes, and neither objects nor rights. What it sends can be checked
// byte by byte, and so is what it gets.
package apiserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The paths that it knows, beside SmallPath.
const (
	ListPath   = "/api/v1/namespaces/default/pods"
	EchoPath   = "/api/v1/namespaces/default/pods/echo/portforward"
	UploadPath = "/api/v1/namespaces/default/services/sink/proxy/upload"
	// Protocol is what EchoPath can be upgraded to.
	Protocol = "SPDY/3.1"

	// Where kube-aad-proxy looks for the policy of the cluster's owner. There is none.
	policyPath = "/api/v1/namespaces/azure-arc/configmaps"

	smallSize         = 2 << 10
	readHeaderTimeout = 10 * time.Second
)

// SmallPath is the path of a document of two kilobytes.
func SmallPath(name string) string { return "/api/v1/namespaces/default/configmaps/" + name }

// Small is the document: which one, and who asked for it.
type Small struct {
	Name string `json:"name"`
	User string `json:"user"` // who is impersonated
	Data string `json:"data"`
}

// Event is one of a watch.
type Event struct {
	Type   string `json:"type"`
	Number int    `json:"number"`
	At     int64  `json:"at"` // when it was sent, in nanoseconds since 1970
}

// Received is the answer to an upload.
type Received struct {
	Bytes  int64 `json:"bytes"`
	Intact bool  `json:"intact"`
}

// Server is one.
type Server struct {
	// Latency, if set, is how long each small document takes.
	Latency time.Duration
	// Stop, if not nil, ends all watches and echoes.
	Stop <-chan struct{}

	streams atomic.Int64
	echoes  sync.WaitGroup
	serving atomic.Pointer[http.Server]
}

// Streams is how many watches, echoes and lists are under way.
func (s *Server) Streams() int { return int(s.streams.Load()) }

// CloseIdle closes the connections on which nothing is under way.
func (s *Server) CloseIdle() {
	if server := s.serving.Load(); server != nil {
		server.SetKeepAlivesEnabled(false)
		server.SetKeepAlivesEnabled(true)
	}
}

// Serve serves a listener over TLS until ctx ends, and returns when everybody has gone.
func (s *Server) Serve(ctx context.Context, listener net.Listener, pair tls.Certificate) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: readHeaderTimeout, BaseContext: func(net.Listener) context.Context { return ctx },
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	s.serving.Store(server)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.ServeTLS(listener, "", "")
	s.echoes.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Handler answers.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+SmallPath("{name}"), s.small)
	mux.HandleFunc("GET "+ListPath, s.list)
	mux.HandleFunc("GET "+policyPath, s.policies)
	mux.HandleFunc("POST "+EchoPath, s.echo)
	mux.HandleFunc("POST "+UploadPath, s.upload)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound})
	})
	return mux
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone if this fails
}

func (s *Server) small(w http.ResponseWriter, r *http.Request) {
	latency := s.Latency
	if text := r.URL.Query().Get("wait"); text != "" {
		latency, _ = time.ParseDuration(text)
	}
	if latency > 0 && pause(r.Context(), latency) != nil {
		return
	}
	pattern := Pattern()
	data := fmt.Sprintf("%x", pattern[:smallSize/2-64])
	answer(w, http.StatusOK, Small{Name: r.PathValue("name"), User: r.Header.Get("Impersonate-User"), Data: data})
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// list answers ?bytes=N with so many bytes, and ?watch with events at an interval.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.streams.Add(1)
	defer s.streams.Add(-1)
	query := r.URL.Query()
	if query.Has("watch") {
		s.watch(w, r)
		return
	}
	size, err := strconv.ParseInt(query.Get("bytes"), 10, 64)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"kind": "Status", "status": "Failure", "code": http.StatusBadRequest})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	for pattern := Pattern(); size > 0; {
		part := pattern[:min(int64(len(pattern)), size)]
		if _, err := w.Write(part); err != nil {
			return
		}
		size -= int64(len(part))
	}
}

// policies answers whoever follows objects of which there are none, and never will be.
func (s *Server) policies(w http.ResponseWriter, r *http.Request) {
	metadata := map[string]any{"resourceVersion": "1"}
	query := r.URL.Query()
	if query.Get("watch") == "" || query.Get("watch") == "false" {
		answer(w, http.StatusOK, map[string]any{"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": []any{}})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if query.Get("sendInitialEvents") == "true" {
		metadata["annotations"] = map[string]string{"k8s.io/initial-events-end": "true"}
		object := map[string]any{"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "BOOKMARK", "object": object}) // whoever asked is gone if this fails
	}
	if http.NewResponseController(w).Flush() == nil {
		<-r.Context().Done()
	}
}

func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	interval, err := time.ParseDuration(r.URL.Query().Get("interval"))
	if err != nil || interval <= 0 {
		interval = time.Second
	}
	w.Header().Set("Content-Type", "application/json")
	tick := time.NewTicker(interval)
	defer tick.Stop()
	out := http.NewResponseController(w)
	for number := 0; ; number++ {
		event := Event{Type: "MODIFIED", Number: number, At: time.Now().UnixNano()}
		if json.NewEncoder(w).Encode(event) != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.Stop:
			return
		case <-tick.C:
		}
	}
}

// echo returns what comes, after an upgrade.
func (s *Server) echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != Protocol {
		http.Error(w, "this wants an upgrade to "+Protocol, http.StatusBadRequest)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.streams.Add(1)
	s.echoes.Add(1)
	defer func() { s.streams.Add(-1); s.echoes.Done() }()
	defer conn.Close()
	stop := context.AfterFunc(r.Context(), func() { conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n"); err != nil {
		return
	}
	copyBack(conn, buffered.Reader)
}

func copyBack(conn net.Conn, early *bufio.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := early.Read(buffer)
		if n > 0 {
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
		if early.Buffered() == 0 {
			break
		}
	}
	_, _ = io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}, buffer) // either end may go at any time
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	check := &Checker{}
	_, err := io.Copy(check, r.Body)
	answer(w, http.StatusOK, Received{Bytes: check.Bytes, Intact: err == nil})
}

// Checker takes a body and fails where it differs from what this package sends.
type Checker struct{ Bytes int64 }

// Write implements io.Writer.
func (c *Checker) Write(p []byte) (int, error) {
	written := len(p)
	for pattern := Pattern(); len(p) > 0; {
		at := int(c.Bytes % int64(len(pattern)))
		size := min(len(p), len(pattern)-at)
		if !bytes.Equal(p[:size], pattern[at:at+size]) {
			return 0, fmt.Errorf("the body differs from what was sent between byte %d and %d", c.Bytes, c.Bytes+int64(size))
		}
		c.Bytes += int64(size)
		p = p[size:]
	}
	return written, nil
}

// Body yields size bytes of what Checker accepts.
func Body(size int64) io.Reader { return &body{left: size} }

type body struct{ at, left int64 }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	pattern := Pattern()
	at := int(b.at % int64(len(pattern)))
	n := copy(p[:min(int64(len(p)), b.left)], pattern[at:])
	b.at += int64(n)
	b.left -= int64(n)
	return n, nil
}
