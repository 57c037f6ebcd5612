package token_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/token"
)

func TestPasswordMatchesItsHashAlone(t *testing.T) {
	hash := token.Password("correct horse").Hash()
	if !token.Password("correct horse").Matches(hash) || token.Password("correct hors").Matches(hash) {
		t.Error("a password is not told from another")
	}
	if string(hash) == string(token.Password("correct horse").Hash()) {
		t.Error("two hashes of a password are the same: there is no salt")
	}
	if strings.Contains(string(hash), "horse") || strings.Contains(fmt.Sprint(slog.AnyValue(token.Password("horse")).Resolve()), "horse") {
		t.Error("the password is shown")
	}
}

func TestPasswordsAreBounded(t *testing.T) {
	for reason, c := range map[string]struct {
		password token.Password
		kind     fairlead.Kind
	}{
		"seven characters":  {"1234567", fairlead.Invalid},
		"eight":             {"12345678", 0},
		"nobody types this": {token.Password(strings.Repeat("x", 257)), fairlead.Invalid},
	} {
		err := c.password.Check()
		if (err == nil) != (c.kind == 0) || err != nil && fairlead.KindOf(err) != c.kind {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

// FuzzPasswordHash shows that no stored text makes a comparison panic, costly or true.
func FuzzPasswordHash(f *testing.F) {
	good := string(token.Password("correct horse").Hash())
	for _, seed := range []string{"", good, good[:len(good)-1], strings.Replace(good, "m=19456", "m=4294967295", 1), "$argon2id$v=19$m=8,t=0,p=0$$", strings.Replace(good, "t=2", "t=99999", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, hash string) {
		if token.Password("guess").Matches([]byte(hash)) {
			t.Errorf("%q matches", hash)
		}
	})
}
