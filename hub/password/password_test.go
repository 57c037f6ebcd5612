package password_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/store"
)

const good = password.Password("Correct-horse-1")

func TestWhichPasswordsMayBeChosen(t *testing.T) {
	cases := map[string]struct {
		reason string
		typed  password.Password
		want   bool
	}{
		"ThreeKinds":   {"lower, upper, digit and other", good, true},
		"OtherScripts": {"letters are letters everywhere, and signs without case count as others", "éÉ密碼密碼密碼", true},
		"Short":        {"seven characters", "Aa1-Aa1", false},
		"TwoKinds":     {"lower-case letters and digits", "abcdefgh1234", false},
		"Long":         {"input is bounded", password.Password("Aa1" + strings.Repeat("x", 254)), false},
		"TheName":      {"the first guess", "Ana.Silva-2026", false},
		"NotText":      {"bytes that are no characters", "Aa1-\xff\xff\xff\xff\xff", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.typed.Check("ana.silva@example.org")
			if (err == nil) != c.want || err != nil && strings.Contains(err.Error(), string(c.typed)) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

func TestPasswordsAreRedacted(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("password", good))
	inside := struct{ P password.Password }{good}
	if all := log.String() + fmt.Sprintf("%v %s %+v %#v", good, good, inside, inside); strings.Contains(all, string(good)) {
		t.Error(all)
	}
}

func TestHashes(t *testing.T) {
	var hasher password.Hasher
	first, err := hasher.Hash(t.Context(), good)
	second, err2 := hasher.Hash(t.Context(), good)
	if err != nil || err2 != nil || bytes.Equal(first, second) || !bytes.HasPrefix(first, []byte("$argon2id$v=19$m=19456,t=2,p=1$")) {
		t.Fatalf("%s and %s, %v", first, second, err)
	}
	for name, c := range map[string]struct {
		typed password.Password
		hash  []byte
		want  bool
	}{
		"Right":       {good, first, true},
		"Wrong":       {good + "x", first, false},
		"None":        {"", nil, false},
		"OfASecret":   {good, bytes.Repeat([]byte{1}, 32), false},
		"TooDear":     {good, bytes.Replace(first, []byte("m=19456"), []byte("m=4194304"), 1), false},
		"ManyPasses":  {good, bytes.Replace(first, []byte("t=2"), []byte("t=2000000"), 1), false},
		"WithoutCost": {good, bytes.Replace(first, []byte("p=1"), []byte("p=0"), 1), false},
	} {
		if got, err := hasher.Matches(t.Context(), c.typed, c.hash); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // a free slot may still win against the end of the context
		if _, err := hasher.Matches(gone, good, first); err != nil {
			return
		}
	}
	t.Error("waiting does not end with the context")
}

func FuzzHash(f *testing.F) {
	var hasher password.Hasher
	f.Add([]byte("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
	f.Add([]byte("$argon2id$v=19$m=99999999999,t=1,p=1$$"))
	f.Add([]byte("$$$$$"))
	f.Fuzz(func(t *testing.T, hash []byte) {
		if right, err := hasher.Matches(t.Context(), good, hash); err != nil || right {
			t.Errorf("%q: %v, %v", hash, right, err)
		}
	})
}

func keeper(t *testing.T) *password.Keeper {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir()+"/hub.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	k := &password.Keeper{Store: db, Hasher: &password.Hasher{}}
	hash, err := k.Hasher.Hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	for id, user := range map[string]store.Principal{"ana": {}, "off": {Disabled: true}, "new": {MustChangePassword: true}} {
		user.ObjectID, user.UserName = id, id+"@example.org"
		if err := db.CreateUser(t.Context(), user, hash); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CreateUser(t.Context(), store.Principal{ObjectID: "ext", UserName: "ext@example.org"}, nil); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignIn(t *testing.T) {
	k := keeper(t)
	for name, c := range map[string]struct {
		user  string
		typed password.Password
		code  string
	}{
		"Right":         {"ANA@example.org", good, ""},
		"Wrong":         {"ana@example.org", "other", password.CodeWrong},
		"Unknown":       {"eve@example.org", good, password.CodeWrong},
		"NoName":        {"", good, password.CodeWrong},
		"NoPassword":    {"ext@example.org", "", password.CodeWrong},
		"Disabled":      {"off@example.org", good, password.CodeDisabled},
		"DisabledWrong": {"off@example.org", "other", password.CodeWrong},
		"MustChange":    {"new@example.org", good, password.CodeExpired},
	} {
		_, err := k.SignIn(t.Context(), c.user, c.typed)
		if c.code == "" && err != nil || c.code != "" && (fairlead.CodeOf(err) != c.code || fairlead.KindOf(err) != fairlead.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChangeOfPassword(t *testing.T) {
	k := keeper(t)
	const next = password.Password("Battery-staple-2")
	for name, c := range map[string]struct {
		typed, wanted password.Password
		code          string
	}{
		"Wrong":   {"other", next, password.CodeWrong},
		"Weak":    {good, "short", "Request_BadRequest"},
		"TheSame": {good, good, "Request_BadRequest"},
	} {
		if _, err := k.Change(t.Context(), "new@example.org", c.typed, c.wanted, time.Now()); fairlead.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Change(t.Context(), "new@example.org", good, next, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.SignIn(t.Context(), "new@example.org", next); err != nil {
		t.Error(err)
	}
	if _, err := k.SignIn(t.Context(), "new@example.org", good); fairlead.CodeOf(err) != password.CodeWrong {
		t.Errorf("the old one: %v", err)
	}
}
