package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Git is a repository in a folder, with one branch, main.
type Git struct{ bare, work string }

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
	return g.head(ctx)
}

// Pull takes over what others have pushed to branch main, and returns its newest commit.
func (g *Git) Pull(ctx context.Context) (string, error) {
	if err := errors.Join(g.git(ctx, g.work, "fetch", "-q", "origin", "main"), g.git(ctx, g.work, "reset", "-q", "--hard", "FETCH_HEAD")); err != nil {
		return "", err
	}
	return g.head(ctx)
}

// Read returns what a file holds in the commit that was made or pulled last.
func (g *Git) Read(name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(g.work, name))
	if err != nil {
		return "", fmt.Errorf("read a file of the repository: %w", err)
	}
	return string(content), nil
}

func (g *Git) head(ctx context.Context) (string, error) {
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
