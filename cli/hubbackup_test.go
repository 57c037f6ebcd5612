package cli

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub"
)

// typedToHub runs a command on a hub's data folder as a person would.
func typedToHub(t *testing.T, args ...string) (out, problems string, err error) {
	t.Helper()
	var said, told strings.Builder
	command := newHubCommand(&session{streams: Streams{Out: &said, Err: &told}})
	command.SetArgs(args)
	command.SilenceErrors, command.SilenceUsage = true, true
	err = command.ExecuteContext(t.Context())
	return said.String(), told.String(), err
}

// hubOnce makes a data folder as the first start of a hub does.
func hubOnce(t *testing.T) string {
	t.Helper()
	config := hub.Defaults()
	config.Data, config.Listen, config.Log = t.TempDir(), "127.0.0.1:0", slog.New(slog.DiscardHandler)
	opened, err := hub.New(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	return config.Data
}

func TestBackupAndRestoreAsTyped(t *testing.T) {
	folder, file := hubOnce(t), filepath.Join(t.TempDir(), "hub.backup")
	out, problems, err := typedToHub(t, "backup", "--data", folder, "--file", file)
	if err != nil || !strings.Contains(problems, "not encrypted") || !strings.Contains(out, "fairlead hub restore --data FOLDER "+file) {
		t.Fatalf("%q %q %v", out, problems, err)
	}
	secret := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(secret, []byte("unmistakable-words"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, problems, err = typedToHub(t, "backup", "--data", folder, "--file", file, "--passphrase-file", secret, "--force")
	if err != nil || problems != "" || !strings.Contains(out, "--passphrase-file") || strings.Contains(out, "unmistakable") {
		t.Fatalf("%q %q %v", out, problems, err)
	}
	to := t.TempDir()
	if _, _, err := typedToHub(t, "restore", "--data", to, file); err == nil || !strings.Contains(err.Error(), "--passphrase-file FILE") {
		t.Errorf("without the passphrase: %v", err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("other-words"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := typedToHub(t, "restore", "--data", to, file, "--passphrase-file", wrong); err == nil || !strings.HasPrefix(err.Error(), "the passphrase is wrong") || hintCode(err) != "" {
		t.Errorf("with another passphrase: %v", err)
	}
	out, _, err = typedToHub(t, "restore", "--data", to, file, "--passphrase-file", secret)
	if err != nil || !strings.Contains(out, "fairlead hub --data "+to) {
		t.Errorf("%q %v", out, err)
	}
	if _, _, err := typedToHub(t, "restore", "--data", to, file, "--passphrase-file", secret); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a second time: %v", err)
	}
}

func TestAuthorityStepsAsTyped(t *testing.T) {
	folder := hubOnce(t)
	for _, c := range []struct{ step, stage, next string }{
		{"show", "Single", "fairlead hub ca rotate"},
		{"rotate", "Pending", "fairlead hub ca switch"},
		{"switch", "Serving", "fairlead hub ca retire"},
		{"retire", "Single", "fairlead hub ca rotate"},
	} {
		out, _, err := typedToHub(t, "ca", c.step, "--data", folder, "-o", "json")
		var shown caStatus
		if err != nil || json.Unmarshal([]byte(out), &shown) != nil || shown.Stage != c.stage || !strings.Contains(shown.Next, c.next) {
			t.Errorf("%s: %q %v", c.step, out, err)
		}
		if signing := slices.IndexFunc(shown.Authorities, func(one caAuthority) bool { return one.Signs }); signing < 0 || shown.Waiting == nil {
			t.Errorf("%s: nobody signs, or no list of who waits: %q", c.step, out)
		}
	}
	status, err := hub.ChangeAuthority(t.Context(), folder, nil)
	if text := caText(status); err != nil || !strings.Contains(text, "signs    sha256:") || !strings.Contains(text, "Next: fairlead hub ca rotate") {
		t.Errorf("for people: %q %v", text, err)
	}
	if _, _, err := typedToHub(t, "ca", "switch", "--data", folder); err == nil || !strings.Contains(err.Error(), "fairlead hub ca rotate") {
		t.Errorf("got %v", err)
	}
	if _, _, err := typedToHub(t, "ca", "show", "--data", t.TempDir()); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v", err)
	}
}
