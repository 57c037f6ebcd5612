// Package registry is the hub's registry by the OCI distribution API. It serves the agents' chart and image, those of the az
// client's pre-check, and that client's proxy program, packed from the running binary, once a binary, into an OCI layout on
// disk; while that lasts, requests wait. Besides, it serves what an administrator has pushed. Anybody may pull: nodes have no
// credentials, and there is nothing secret in it. Only who may is let push. The package does not know clusters.
package registry

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/registry/mirror"
)

// patience bounds how long a request waits for packing. Clients give up on headers after about
// half a minute, and try a 503 again.
const patience = 20 * time.Second

// retry is how soon packing is tried again after it failed, for example on a full disk.
const retry = 30 * time.Second

// PlainChartRepository is where az expects the chart before it inserts "v2/" into the path.
const PlainChartRepository = "azurearck8s/batch1/stable/" + fairlead.ChartName

// Server is the registry. Dir is a folder of its own; Chart returns the chart as a packed archive.
// Binary tells where the binary is and is os.Executable unless set. Mirror, Identity and Access are for pushes, which
// are refused without them; URL is the hub's own, without a slash at the end.
// Precheck returns the packed chart of the az client's pre-check, and Probe the program in its image; without them none is served.
// Flux returns the packed chart of the extension that runs Flux; without it none is served.
// AzPlatform is what the binary runs on, such as linux/amd64, when az may fetch it as its proxy program.
type Server struct {
	Dir        string
	Chart      func() ([]byte, error)
	Binary     func() (string, error)
	Precheck   func() ([]byte, error)
	Flux       func() ([]byte, error)
	Probe      func(architecture string) ([]byte, error)
	AzPlatform string
	Log        *slog.Logger

	URL      string
	Mirror   *mirror.Store
	Identity Identity
	Access   Access

	mu      sync.Mutex
	content *catalogue
	failure error
	waiters chan struct{} // closed when content or failure is set for the first time
}

// now returns the content if there is any, without waiting for it.
func (s *Server) now() *catalogue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.content
}

// Mount adds the registry's routes to mux.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.Handle("/v2/", http.HandlerFunc(s.serve))
	mux.Handle("/v2", http.HandlerFunc(s.serve))
}

// Tag returns the tag of chart and image: the version, written as Helm writes it in a registry.
func Tag() string { return strings.ReplaceAll(fairlead.Version, "+", "_") }

// Run packs what the registry serves, again and again until it succeeds, and returns when ctx is done.
func (s *Server) Run(ctx context.Context) error {
	for !s.prepare(ctx) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
	}
	<-ctx.Done()
	return nil
}

// prepare reports whether there is nothing left to try.
func (s *Server) prepare(ctx context.Context) bool {
	started := time.Now()
	content, err := s.pack(ctx)
	if ctx.Err() != nil {
		return true
	}
	s.publish(content, err)
	if err != nil {
		s.Log.ErrorContext(ctx, "cannot pack chart and image", slog.Any("err", err))
		return false
	}
	s.Log.InfoContext(ctx, "registry is ready", slog.Duration("took", time.Since(started)), slog.String("tag", Tag()))
	return true
}

func (s *Server) publish(content *catalogue, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.content == nil && s.failure == nil
	s.content, s.failure = content, err
	if first {
		close(s.waiting())
	}
}

// waiting returns the channel that ends the wait of requests; the caller holds the lock.
func (s *Server) waiting() chan struct{} {
	if s.waiters == nil {
		s.waiters = make(chan struct{})
	}
	return s.waiters
}

// ready returns the content as soon as there is any, within patience.
func (s *Server) ready(ctx context.Context) (*catalogue, error) {
	s.mu.Lock()
	done := s.waiting()
	s.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		return nil, fairlead.Errorf(fairlead.Unavailable, "the hub is still packing its chart and image; try again")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return nil, fairlead.Errorf(fairlead.Unavailable, "the hub could not pack its chart and image; its log says why")
	}
	return s.content, nil
}

func (s *Server) executable() (string, error) {
	if s.Binary != nil {
		return s.Binary()
	}
	return os.Executable()
}
