package authority_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
)

func box(t *testing.T, master []byte) *authority.Box {
	t.Helper()
	made, err := authority.NewBox(master)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestBoxOpensOnlyWhatItSealedUnderThatName(t *testing.T) {
	mine, other := box(t, make([]byte, 32)), box(t, bytes.Repeat([]byte{1}, 32))
	sealed := mine.Seal("a", []byte("secret"))
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	cases := map[string]struct {
		reason string
		box    *authority.Box
		name   string
		sealed []byte
		want   string
	}{
		"Same":      {"what was sealed is found again", mine, "a", sealed, ""},
		"OtherName": {"one secret cannot stand in for another", mine, "b", sealed, "altered or moved"},
		"Altered":   {"a changed bit is noticed", mine, "a", altered, "altered or moved"},
		"OtherKey":  {"a foreign master key is named as the cause", other, "a", sealed, "another master key"},
		"Short":     {"damage is an error, not a panic", mine, "a", sealed[:4], "known way"},
		"Empty":     {"damage is an error, not a panic", mine, "a", nil, "known way"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			secret, err := c.box.Open(c.name, c.sealed)
			if c.want == "" && (err != nil || string(secret) != "secret") {
				t.Errorf("%s: %q %v", c.reason, secret, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
	if bytes.Contains(sealed, []byte("secret")) || bytes.Equal(sealed, mine.Seal("a", []byte("secret"))) {
		t.Error("sealing leaves the secret readable or is repeatable")
	}
}

func FuzzBoxOpen(f *testing.F) {
	made, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made.Seal("other", []byte("secret")))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if secret, err := made.Open("name", sealed); err == nil {
			t.Errorf("opened %q from what nobody sealed", secret)
		}
	})
}

func TestMasterKeyIsMadeOnceAndForItsOwner(t *testing.T) {
	file := filepath.Join(t.TempDir(), "master.key")
	first, err := authority.LoadMasterKey(file)
	if err != nil {
		t.Fatal(err)
	}
	second, err := authority.LoadMasterKey(file)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("another key at the second start: %v", err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMasterKeyIsRefused(t *testing.T) {
	cases := map[string]struct {
		reason, content string
		mode            os.FileMode
		want            string
	}{
		"Readable": {"a key that anybody may read protects nothing", strings.Repeat("00", 32), 0o644, "chmod 600"},
		"Damaged":  {"a half key must not silently become a new one", "00ff", 0o600, "damaged"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "master.key")
			if err := os.WriteFile(file, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := authority.LoadMasterKey(file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

func TestVault(t *testing.T) {
	secrets := newStore(t)
	vault := newVault(t, secrets)
	if _, err := vault.Get(t.Context(), "a"); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("a secret that is not there: %v", err)
	}
	made := func() ([]byte, error) { return []byte("made"), nil }
	if secret, err := vault.GetOrCreate(t.Context(), "a", made); err != nil || string(secret) != "made" {
		t.Errorf("%q %v", secret, err)
	}
	if err := vault.Replace(t.Context(), "a", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if secret, err := vault.GetOrCreate(t.Context(), "a", made); err != nil || string(secret) != "new" {
		t.Errorf("%q %v", secret, err)
	}
	if sealed, err := secrets.GetSecret(t.Context(), "a"); err != nil || bytes.Contains(sealed, []byte("new")) {
		t.Errorf("the store holds the secret in the clear: %v", err)
	}
}
