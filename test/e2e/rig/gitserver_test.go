package rig_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func TestWhoHasThePasswordPushes(t *testing.T) {
	git, err := rig.OpenGit(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first, err := git.Commit(t.Context(), "a note", map[string]string{"app/note": "first"})
	if err != nil {
		t.Fatal(err)
	}
	server, err := git.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	work, err := clone(t, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "app", "note"), []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) error {
		command := exec.CommandContext(t.Context(), "git", append([]string{"-C", work, "-c", "user.name=Pia", "-c", "user.email=pia@example.org"}, args...)...)
		command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
		return command.Run()
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("pia", "swordfish")
	if err := inside("commit", "-qam", "another"); err != nil {
		t.Fatal(err)
	}
	if inside("push", "-q", address.String(), "HEAD:main") == nil {
		t.Error("anybody may push")
	}
	server.AskToPush("pia", "swordfish")
	if inside("push", "-q", server.URL, "HEAD:main") == nil {
		t.Error("one may push without the password")
	}
	if err := inside("push", "-q", address.String(), "HEAD:main"); err != nil {
		t.Errorf("who has the password may not push: %v", err)
	}
	commit, err := git.Pull(t.Context())
	if text, read := git.Read("app/note"); err != nil || read != nil || text != "second" || commit == first {
		t.Errorf("%s has %q, %v, %v", commit, text, err, read)
	}
}
