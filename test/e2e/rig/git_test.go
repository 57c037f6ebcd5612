package rig_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func TestARepositoryIsServedToWhoMaySeeIt(t *testing.T) {
	dir := t.TempDir()
	git, err := rig.OpenGit(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := git.Commit(t.Context(), "a note", map[string]string{"app/note": "first", "app/other": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if git, err = rig.OpenGit(t.Context(), dir); err != nil { // as another process does
		t.Fatal(err)
	}
	later, err := git.Commit(t.Context(), "another", map[string]string{"app/note": "second", "app/other": ""})
	if err != nil || later == commit {
		t.Fatalf("commit %s after %s: %v", later, commit, err)
	}
	server, err := git.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	server.Ask("reader", "swordfish")
	if _, err := clone(t, server.URL); err == nil {
		t.Error("anybody may read")
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("reader", "swordfish")
	got, err := clone(t, address.String())
	if text, read := os.ReadFile(filepath.Join(got, "app", "note")); err != nil || read != nil || strings.TrimSpace(string(text)) != "second" {
		t.Errorf("%q, %v, %v", text, err, read)
	}
	if err := git.Rename(t.Context(), "main", "trunk"); err != nil {
		t.Fatal(err)
	}
	if _, err := clone(t, address.String(), "--branch", "main"); err == nil {
		t.Error("a branch that was renamed is still there")
	}
}

func clone(t *testing.T, from string, args ...string) (string, error) {
	t.Helper()
	into := filepath.Join(t.TempDir(), "clone")
	command := exec.CommandContext(t.Context(), "git", append(append([]string{"clone", "-q"}, args...), from, into)...)
	command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	return into, command.Run()
}
