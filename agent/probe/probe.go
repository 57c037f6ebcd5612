// Package probe answers the kubelet and Prometheus: whether the agents of this process live, whether
// they are ready, and their metrics. What ready means is for each agent to say.
package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// State is what the agents of a process have last said of themselves.
type State struct {
	mu      sync.Mutex
	reasons map[string]error
}

// NewState returns a state in which none of the agents is ready.
func NewState(agents ...string) *State {
	s := &State{reasons: map[string]error{}}
	for _, agent := range agents {
		s.reasons[agent] = errors.New("starting")
	}
	return s
}

// Reporter returns how one agent says why it is not ready, or by nil that it is.
func (s *State) Reporter(agent string) func(error) {
	return func(reason error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reasons[agent] = reason
	}
}

// Reasons returns what each agent said last.
func (s *State) Reasons() map[string]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.reasons)
}

// NewRegistry returns a registry with the metrics of the process and of Go.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	return registry
}

// Server serves /healthz, /readyz, /readiness and /metrics.
type Server struct {
	Address  string // empty: nothing is served
	State    *State
	Registry *prometheus.Registry
	Log      *slog.Logger
}

// Handler returns the server's handler.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /readiness", s.ready) // the path in the original's events
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{DisableCompression: true, MaxRequestsInFlight: 2}))
	return mux
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	reasons, code, text := s.State.Reasons(), http.StatusOK, ""
	for _, agent := range slices.Sorted(maps.Keys(reasons)) {
		if reason := reasons[agent]; reason != nil {
			code, text = http.StatusServiceUnavailable, text+agent+": "+reason.Error()+"\n"
		}
	}
	if text == "" {
		text = "ok\n"
	}
	say(w, code, text)
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text)) // the caller has gone; nobody else to tell
}

// Run serves until the end of ctx.
func (s *Server) Run(ctx context.Context) error {
	if s.Address == "" {
		<-ctx.Done()
		return ctx.Err()
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("serve probes and metrics: %w", err)
	}
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn), MaxHeaderBytes: 16 << 10,
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(listener) })
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	if err := group.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes and metrics: %w", err)
	}
	return ctx.Err()
}
