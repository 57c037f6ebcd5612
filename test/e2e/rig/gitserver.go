package rig

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// GitServer serves a repository over HTTP, by git's own program.
type GitServer struct {
	// URL is where the repository is.
	URL string

	server  *http.Server
	backend cgi.Handler

	mu             sync.Mutex
	reader, writer login
}

// login is what somebody is asked for; the zero value is that of everybody.
type login struct{ user, password string }

// Serve serves the repository on an address of this machine.
func (g *Git) Serve(ctx context.Context, address string) (*GitServer, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("find git (apt-get install git): %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for git: %w", err)
	}
	dir := filepath.Dir(g.bare)
	s := &GitServer{
		URL:     GitURL(listener.Addr().String()),
		backend: cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: dir, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}},
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // Close ends it
	return s, nil
}

// GitURL is where a repository is that is served on an address.
func GitURL(address string) string { return "http://" + address + "/shop.git" }

// Close ends the server.
func (s *GitServer) Close() error { return s.server.Close() }

// Ask makes the server ask for a user and a password; empty ones let everybody in.
func (s *GitServer) Ask(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reader = login{user, password}
}

// AskToPush lets a user with a password push, who may read, too. Without one nobody may.
func (s *GitServer) AskToPush(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer = login{user, password}
}

func (s *GitServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	reader, writer := s.reader, s.writer
	s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	writes := writer != login{} && writer == login{user, password}
	reads := !pushes(r) && (reader == login{} || reader == login{user, password})
	if !writes && !reads {
		w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	backend := s.backend
	if writes {
		backend.Env = append([]string{"REMOTE_USER=" + user}, backend.Env...) // by which git lets somebody push
	}
	backend.ServeHTTP(w, r)
}

func pushes(r *http.Request) bool {
	const service = "git-receive-pack"
	return r.URL.Query().Get("service") == service || strings.HasSuffix(r.URL.Path, "/"+service)
}
