package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

func open(t *testing.T, dir string) *profile.Profile {
	t.Helper()
	p, err := profile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestASignedInHubIsRememberedAndForgotten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	p := open(t, dir)
	if _, ok := p.Current(); ok {
		t.Error("an empty profile has a hub")
	}
	hub := profile.Hub{URL: "https://hub", ClientID: "app"}
	token := client.Token{Value: "token", ExpiresOn: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	if err := p.SignIn(hub, "hush"); err != nil {
		t.Fatal(err)
	}
	if err := p.KeepToken(hub.URL, token); err != nil {
		t.Fatal(err)
	}
	p = open(t, dir)
	secret, err := p.Secret(hub.URL)
	kept := p.Token(hub.URL)
	if current, ok := p.Current(); !ok || current != hub || secret.Reveal() != "hush" || kept != token || err != nil {
		t.Errorf("remembered %+v, %v", current, err)
	}
	if err := p.SignOut(hub.URL); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"config.json", "credentials.json", "tokens.json"} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || strings.Contains(string(content), "hush") || strings.Contains(string(content), `"token"`) {
			t.Errorf("%s holds %s, %v", file, content, err)
		}
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	p := open(t, dir)
	if err := p.SignIn(profile.Hub{URL: "https://hub"}, "hush"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "credentials.json": 0o600, "config.json": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", name, info.Mode(), err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Open(dir); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("got %v", err)
	}
}

// Tokens can be had again, so nothing may fail for their sake.
func TestDamagedTokensAreThrownAway(t *testing.T) {
	for reason, content := range map[string]string{
		"cut off": `{"https://hub": {"token": "abc`, "empty": "", "null": "null", "of another form": `{"https://hub": 5}`,
	} {
		t.Run(reason, func(t *testing.T) {
			p := open(t, t.TempDir())
			if err := os.WriteFile(filepath.Join(p.Dir, "tokens.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if kept := p.Token("https://hub"); kept.Value != "" {
				t.Errorf("there is a token %q", kept.Value.Reveal())
			}
			err := p.KeepToken("https://hub", client.Token{Value: "new"})
			if kept := p.Token("https://hub"); err != nil || kept.Value != "new" {
				t.Errorf("the new token is not kept: %v", err)
			}
			if err := p.SignOut("https://hub"); err != nil || p.Token("https://hub").Value != "" {
				t.Errorf("the token stays after signing out: %v", err)
			}
		})
	}
}
