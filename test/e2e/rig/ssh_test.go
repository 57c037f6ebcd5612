package rig_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func TestARepositoryIsServedOverSSHToWhomItAdmits(t *testing.T) {
	git, err := rig.OpenGit(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	commit, err := git.Commit(t.Context(), "a note", map[string]string{"app/note": "first"})
	if err != nil {
		t.Fatal(err)
	}
	server, err := git.ServeSSH(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	private, public, err := rig.NewSSHKey()
	if err != nil {
		t.Fatal(err)
	}
	const fetch = "git-upload-pack '/shop.git'"
	if said, err := over(t, server, private, fetch); err == nil {
		t.Errorf("a stranger is let in, and reads %q", said)
	}
	if err := server.Admit(public); err != nil {
		t.Fatal(err)
	}
	if said, err := over(t, server, private, fetch); err != nil || !strings.Contains(said, commit+" refs/heads/main") {
		t.Errorf("who is admitted reads %q: %v", said, err)
	}
	const push = "git-receive-pack '/shop.git'"
	if said, err := over(t, server, private, push); err == nil {
		t.Errorf("something may be pushed: %q", said)
	}
	if err := server.AdmitToPush(public); err != nil {
		t.Fatal(err)
	}
	if said, err := over(t, server, private, push); err != nil || !strings.Contains(said, commit+" refs/heads/main") {
		t.Errorf("who may push is offered %q: %v", said, err)
	}
	if said, err := over(t, server, private, "git-upload-archive '/shop.git'"); err == nil {
		t.Errorf("another program is run: %q", said)
	}
}

// over runs a command at a server whose host is known, says that nothing more is wanted, and returns what it answers.
func over(t *testing.T, server *rig.SSHServer, private []byte, command string) (string, error) {
	t.Helper()
	key, err := ssh.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(server.KnownHosts), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := knownhosts.New(file)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", address.Host, &ssh.ClientConfig{User: address.User.Username(), Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: known})
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	session.Stdin = strings.NewReader("0000")
	said, err := session.Output(command)
	return string(said), err
}
