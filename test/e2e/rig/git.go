package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Git is a repository in a folder, with one branch, main.
type Git struct{ bare, work string }

// GitServer serves a repository over HTTP, by git's own program.
type GitServer struct {
	// URL is where the repository is.
	URL string

	server *http.Server

	mu             sync.Mutex
	user, password string // asked for when they are not empty
}

// OpenGit opens the repository in a folder, and makes one when there is none.
func OpenGit(ctx context.Context, dir string) (*Git, error) {
	g := &Git{bare: filepath.Join(dir, "shop.git"), work: filepath.Join(dir, "work")}
	if _, err := os.Stat(g.work); err == nil {
		return g, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the repository: %w", err)
	}
	if err := g.git(ctx, dir, "init", "-q", "--bare", "--initial-branch=main", g.bare); err != nil {
		return nil, err
	}
	return g, g.git(ctx, dir, "clone", "-q", g.bare, g.work)
}

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
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: dir, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}}
	s := &GitServer{URL: GitURL(listener.Addr().String())}
	s.server = &http.Server{Handler: s.guarded(backend), ReadHeaderTimeout: 10 * time.Second}
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
	s.user, s.password = user, password
}

func (s *GitServer) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		user, password := s.user, s.password
		s.mu.Unlock()
		given, secret, _ := r.BasicAuth()
		if user != "" && (given != user || secret != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Commit writes files, deletes those whose content is empty, pushes that to branch main, and returns the commit.
func (g *Git) Commit(ctx context.Context, message string, files map[string]string) (string, error) {
	for name, content := range files {
		path := filepath.Join(g.work, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				return "", fmt.Errorf("delete a file of the repository: %w", err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", fmt.Errorf("make a folder of the repository: %w", err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", fmt.Errorf("write a file of the repository: %w", err)
		}
	}
	if err := errors.Join(g.git(ctx, g.work, "add", "-A"), g.git(ctx, g.work, "commit", "-q", "-m", message), g.git(ctx, g.work, "push", "-q", "origin", "HEAD:main")); err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "git", "rev-parse", "HEAD")
	command.Dir = g.work
	commit, err := command.Output()
	return strings.TrimSpace(string(commit)), err
}

// Moved returns when the repository took the newest commit of a branch, to within a few milliseconds.
func (g *Git) Moved(branch string) (time.Time, error) {
	file, err := os.Stat(filepath.Join(g.bare, "refs", "heads", branch))
	if err != nil {
		return time.Time{}, fmt.Errorf("look at branch %s of the repository: %w", branch, err)
	}
	return file.ModTime(), nil
}

// Rename gives a branch another name.
func (g *Git) Rename(ctx context.Context, from, to string) error {
	return g.git(ctx, g.bare, "branch", "-m", from, to)
}

func (g *Git) git(ctx context.Context, dir string, args ...string) error {
	command := exec.CommandContext(ctx, "git", append([]string{"-c", "user.name=Quay", "-c", "user.email=quay@example.org"}, args...)...)
	command.Dir = dir
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return nil
}
