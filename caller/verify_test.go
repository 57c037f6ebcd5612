package caller_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead/caller"
)

func now() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

const issuer = "https://hub/tenant/v2.0"

func statement() caller.Statement {
	return caller.Statement{
		Issuer: issuer, Audience: "/cluster", Subject: "5b2c", ID: "abc_-9", IssuedAt: now().Unix(), Expiry: now().Unix() + caller.Life,
		User: "ada@example.org", Groups: []string{"0aaa", "0bbb"}, Mode: caller.AAD,
	}
}

type signer struct {
	t   testing.TB
	key *rsa.PrivateKey
}

func newSigner(t testing.TB) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, key}
}

func (s signer) sign(kind jose.ContentType, stated any) string {
	s.t.Helper()
	made, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.key, KeyID: "one"}}, (&jose.SignerOptions{}).WithType(kind))
	if err != nil {
		s.t.Fatal(err)
	}
	payload, err := json.Marshal(stated)
	if err != nil {
		s.t.Fatal(err)
	}
	signed, err := made.Sign(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s signer) verifier() caller.Verifier {
	return caller.Verifier{
		Issuer: func() string { return issuer }, Audience: "/cluster", Now: now,
		Key: func(_ context.Context, id string) (*rsa.PublicKey, error) {
			if id != "one" {
				return nil, errors.New("no such key")
			}
			return &s.key.PublicKey, nil
		},
	}
}

func TestAStatementIsTakenAsItIs(t *testing.T) {
	s := newSigner(t)
	found, err := s.verifier().Verify(t.Context(), "abc_-9", s.sign(caller.TokenType, statement()))
	if err != nil || found.User != "ada@example.org" || len(found.Groups) != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestStatementsThatAreRefused(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*caller.Statement)
	}{
		"Issuer":       {"another hub's", func(s *caller.Statement) { s.Issuer = "https://evil/tenant/v2.0" }},
		"Audience":     {"a hub with two clusters states for one of them", func(s *caller.Statement) { s.Audience = "/other" }},
		"ID":           {"sent under another name", func(s *caller.Statement) { s.ID = "other" }},
		"Expired":      {"two minutes are over", func(s *caller.Statement) { s.IssuedAt -= 200; s.Expiry -= 200 }},
		"Future":       {"not yet", func(s *caller.Statement) { s.IssuedAt += 60; s.Expiry += 60 }},
		"Eternal":      {"a statement must be renewed", func(s *caller.Statement) { s.Expiry += 1 }},
		"Backwards":    {"it never was good", func(s *caller.Statement) { s.Expiry = s.IssuedAt }},
		"NoUser":       {"an empty name is anybody's", func(s *caller.Statement) { s.User = "" }},
		"SystemUser":   {"the API server's own", func(s *caller.Statement) { s.User = "system:kube-controller-manager" }},
		"ServiceUser":  {"a service account", func(s *caller.Statement) { s.User = "system:serviceaccount:kube-system:x" }},
		"SystemGroup":  {"all rights there are", func(s *caller.Statement) { s.Groups = append(s.Groups, "system:masters") }},
		"SystemBlank":  {"headers lose blanks at their ends", func(s *caller.Statement) { s.Groups = []string{" system:masters"} }},
		"SystemTab":    {"and tabs", func(s *caller.Statement) { s.Groups = []string{"\tsystem:masters"} }},
		"SystemCase":   {"nobody needs it spelt otherwise", func(s *caller.Statement) { s.Groups = []string{"SYSTEM:masters"} }},
		"OurGroup":     {"what azure-rbac gives", func(s *caller.Statement) { s.Groups = []string{"fairlead:arc:cluster-admin"} }},
		"OurUser":      {"and names like it", func(s *caller.Statement) { s.User = "fairlead:arc:view" }},
		"EmptyGroup":   {"an empty header", func(s *caller.Statement) { s.Groups = []string{""} }},
		"LineInGroup":  {"a second header", func(s *caller.Statement) { s.Groups = []string{"a\r\nImpersonate-Group: system:masters"} }},
		"NotText":      {"what is no text is not compared", func(s *caller.Statement) { s.User = "a\ufffd" }},
		"TooManyNames": {"more than the API server takes", func(s *caller.Statement) { s.Groups = make([]string, caller.MaxGroups+1) }},
		"NoSubject":    {"whose streams would these be", func(s *caller.Statement) { s.Subject = "" }},
		"Mode":         {"there are two", func(s *caller.Statement) { s.Mode = "root" }},
	}
	key := newSigner(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			stated := statement()
			c.change(&stated)
			if _, err := key.verifier().Verify(t.Context(), "abc_-9", key.sign(caller.TokenType, stated)); err == nil {
				t.Errorf("accepted: %s", c.reason)
			}
		})
	}
}

func TestTokensOfOtherTypesAndKeysAreRefused(t *testing.T) {
	key, other := newSigner(t), newSigner(t)
	good := key.sign(caller.TokenType, statement())
	for name, signed := range map[string]string{
		"AccessToken": key.sign("JWT", statement()), "OtherKey": other.sign(caller.TokenType, statement()),
		"Cut": good[:len(good)-5], "Unsigned": "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".", "Text": "x", "Nothing": "",
		"Huge": strings.Repeat("a", caller.MaxSize+1), "NotAnObject": key.sign(caller.TokenType, "x"),
	} {
		if _, err := key.verifier().Verify(t.Context(), "abc_-9", signed); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "A-z_0": true, "": false, "a/b": false, "ä": false, "a b": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
	} {
		if caller.ValidID(id) != want {
			t.Errorf("%q", id)
		}
	}
}

func FuzzVerify(f *testing.F) {
	key := newSigner(f)
	good := key.sign(caller.TokenType, statement())
	parts := strings.Split(good, ".")
	for _, seed := range []string{good, parts[0] + "." + parts[1] + ".", "..", "{}", `{"payload":"e30"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, signed string) {
		found, err := key.verifier().Verify(t.Context(), "abc_-9", signed)
		if err == nil && found.User != "ada@example.org" {
			t.Errorf("%q was accepted", signed)
		}
	})
}

// What a statement says is judged after its signature, by a hub that may be half broken.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"ada", "system:masters", "\u00a0system:masters", "Fairlead:x", "a\x00"} {
		f.Add(seed, seed)
	}
	key := newSigner(f)
	f.Fuzz(func(t *testing.T, user, group string) {
		key := signer{t, key.key}
		stated := statement()
		stated.User, stated.Groups = user, []string{group}
		found, err := key.verifier().Verify(t.Context(), "abc_-9", key.sign(caller.TokenType, stated))
		if err != nil {
			return
		}
		for _, name := range append(found.Groups, found.User) {
			lower := strings.ToLower(strings.TrimSpace(name))
			if lower == "" || strings.HasPrefix(lower, "system:") || strings.HasPrefix(lower, "fairlead:") || strings.ContainsAny(name, "\r\n\x00\x7f") {
				t.Errorf("%q may be impersonated", name)
			}
		}
	})
}
