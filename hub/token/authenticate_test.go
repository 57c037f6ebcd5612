package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/token"
)

// signing returns the key that the hub signs with, as an attacker never could.
func (f *fixture) signing(t *testing.T) jose.JSONWebKey {
	t.Helper()
	text, err := f.vault.Get(t.Context(), "token/keys")
	if err != nil {
		t.Fatal(err)
	}
	var ring []struct {
		JWK jose.JSONWebKey `json:"jwk"`
	}
	if err := json.Unmarshal(text, &ring); err != nil {
		t.Fatal(err)
	}
	return ring[0].JWK
}

func (f *fixture) claims(changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": hubURL + "/" + tenant + "/v2.0", "aud": hubURL, "oid": object, "tid": tenant, "sub": object,
		"nbf": f.clock.Unix(), "exp": f.clock.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
}

func TestOnlyTheHubsOwnTokensAreAccepted(t *testing.T) {
	f := newFixture(t)
	key := f.signing(t)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	mine := func(changes map[string]any) string { return sign(t, jose.RS256, key, f.claims(changes)) }
	cases := map[string]struct{ reason, bearer, code string }{
		"Good":          {"the table's own baseline", mine(nil), ""},
		"SkewedExpiry":  {"clocks may be a minute off", mine(map[string]any{"exp": f.clock.Add(-59 * time.Second).Unix()}), ""},
		"SkewedStart":   {"clocks may be a minute off", mine(map[string]any{"nbf": f.clock.Add(59 * time.Second).Unix()}), ""},
		"Expired":       {"but not more", mine(map[string]any{"exp": f.clock.Add(-61 * time.Second).Unix()}), "ExpiredAuthenticationToken"},
		"Early":         {"but not more", mine(map[string]any{"nbf": f.clock.Add(61 * time.Second).Unix()}), "InvalidAuthenticationToken"},
		"NoExpiry":      {"no token lives for ever", mine(map[string]any{"exp": nil}), "ExpiredAuthenticationToken"},
		"OtherAudience": {"a token for somebody else", mine(map[string]any{"aud": "https://vault.example.org"}), "InvalidAuthenticationTokenAudience"},
		"OtherTenant":   {"a token of another tenant", mine(map[string]any{"tid": object}), "InvalidAuthenticationTokenTenant"},
		"OtherIssuer":   {"a token of another hub", mine(map[string]any{"iss": "https://evil.example.org/" + tenant + "/v2.0"}), "InvalidAuthenticationToken"},
		"NoPrincipal":   {"a principal that is gone", mine(map[string]any{"oid": tenant}), "InvalidAuthenticationToken"},
		"AlgNone":       {"unsigned", unsigned(t, f.claims(nil)), "InvalidAuthenticationToken"},
		"OtherKey":      {"signed by a stranger under our key's name", sign(t, jose.RS256, jose.JSONWebKey{Key: foreign, KeyID: key.KeyID}, f.claims(nil)), "InvalidAuthenticationToken"},
		"UnknownKey":    {"signed by a stranger", sign(t, jose.RS256, jose.JSONWebKey{Key: foreign, KeyID: "x"}, f.claims(nil)), "InvalidAuthenticationToken"},
		"NoKeyID":       {"no key is guessed", sign(t, jose.RS256, key.Key, f.claims(nil)), "InvalidAuthenticationToken"},
		"OtherRSA":      {"one algorithm, even for our own key", sign(t, jose.PS256, key, f.claims(nil)), "InvalidAuthenticationToken"},
		"OtherFamily":   {"one algorithm", sign(t, jose.ES256, jose.JSONWebKey{Key: elliptical, KeyID: key.KeyID}, f.claims(nil)), "InvalidAuthenticationToken"},
		"Confusion":     {"the public key is no shared secret", sign(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: key.KeyID}, f.claims(nil)), "InvalidAuthenticationToken"},
		"Garbage":       {"not a token", "x.y.z", "InvalidAuthenticationToken"},
		"Huge":          {"input is bounded", strings.Repeat("x", 9<<10), "InvalidAuthenticationToken"},
		"Missing":       {"no token", "", "AuthenticationFailed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := f.call(c.bearer)
			if c.code == "" {
				if w.Code != http.StatusOK || w.Body.String() != object {
					t.Errorf("%s: %d %s", c.reason, w.Code, w.Body)
				}
				return
			}
			if w.Code != http.StatusUnauthorized || code(t, w) != c.code {
				t.Errorf("%s: %d %s", c.reason, w.Code, w.Body)
			}
			if !strings.Contains(w.Header().Get("WWW-Authenticate"), `authorization_uri="`+hubURL+"/"+tenant) {
				t.Errorf("%s: challenge %q", c.reason, w.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

func TestDeletedPrincipalIsRefusedAtOnce(t *testing.T) {
	f := newFixture(t)
	bearer := f.token(t)
	if w := f.call(bearer); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := f.db.DeletePrincipal(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if w := f.call(bearer); w.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func (f *fixture) published(t *testing.T) []string {
	t.Helper()
	if err := f.Keys.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range f.Keys.Public().Keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}

func TestKeysAreRotatedWithOverlap(t *testing.T) {
	f := newFixture(t)
	start, day := f.clock, 24*time.Hour
	first := f.published(t)
	f.clock = start.Add(29*day - time.Minute)
	if now := f.published(t); !slices.Equal(now, first) {
		t.Fatalf("rotated early: %v", now)
	}
	f.clock = start.Add(29 * day)
	both := f.published(t)
	if len(both) != 2 || both[0] != first[0] || f.signer(t) != first[0] {
		t.Fatalf("a day ahead %v are published and %s signs", both, f.signer(t))
	}
	f.clock = start.Add(30*day - time.Second)
	last := f.token(t)
	f.clock = start.Add(30 * day)
	if f.signer(t) != both[1] {
		t.Errorf("after 30 days %s signs", f.signer(t))
	}
	f.clock = start.Add(30*day + 58*time.Minute)
	f.published(t)
	if w := f.call(last); w.Code != http.StatusOK {
		t.Errorf("the old key's last token is refused before its time: %s", w.Body)
	}
	f.clock = start.Add(30*day + 2*time.Hour)
	if now := f.published(t); !slices.Equal(now, both[1:]) {
		t.Errorf("the old key is still published: %v", now)
	}
}

func TestTokenOfRetiredKeyIsRefused(t *testing.T) {
	f := newFixture(t)
	old, start := f.signing(t), f.clock
	for _, later := range []time.Duration{29 * 24 * time.Hour, 31 * 24 * time.Hour} {
		f.clock = start.Add(later)
		f.published(t)
	}
	if w := f.call(sign(t, jose.RS256, old, f.claims(nil))); w.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestKeysSurviveALongPause(t *testing.T) {
	f := newFixture(t)
	first := f.published(t)
	f.clock = f.clock.Add(400 * 24 * time.Hour)
	both := f.published(t)
	if len(both) != 2 || f.signer(t) != first[0] {
		t.Fatalf("after a year %v are published and %s signs: the new one is not known to anybody yet", both, f.signer(t))
	}
	f.clock = f.clock.Add(24 * time.Hour)
	if f.signer(t) != both[1] {
		t.Error("the new key does not take over")
	}
}

// signer returns the key id of a new token.
func (f *fixture) signer(t *testing.T) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(f.token(t), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Headers[0].KeyID
}

func TestKeysAreTheSameAfterRestart(t *testing.T) {
	f := newFixture(t)
	bearer := f.token(t)
	f.Keys = &token.Keys{Vault: f.vault, Now: f.Now, Log: f.Log}
	f.published(t)
	if w := f.call(bearer); w.Code != http.StatusOK {
		t.Errorf("a token from before the restart: %d %s", w.Code, w.Body)
	}
}

// shelf keeps secrets in memory: a database would keep the bubble of synctest from ever being idle.
type shelf map[string][]byte

func (s shelf) GetSecret(_ context.Context, name string) ([]byte, error) {
	if value, ok := s[name]; ok {
		return value, nil
	}
	return nil, fairlead.Errorf(fairlead.NotFound, "secret %q", name)
}

func (s shelf) PutSecret(_ context.Context, name string, value []byte) error {
	s[name] = value
	return nil
}

func (s shelf) ReplaceSecret(ctx context.Context, name string, value []byte) error {
	return s.PutSecret(ctx, name, value)
}

func TestRunRotatesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, err := authority.NewBox(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		keys := &token.Keys{Vault: &authority.Vault{Box: box, Store: shelf{}}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		if err := keys.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := keys.Public().Keys[0].KeyID
		ctx, cancel := context.WithTimeout(t.Context(), 30*24*time.Hour+3*time.Hour)
		defer cancel()
		if err := keys.Run(ctx); err != nil {
			t.Error(err)
		}
		if now := keys.Public().Keys; len(now) != 1 || now[0].KeyID == first {
			t.Errorf("after 30 days %d keys, the first still there", len(now))
		}
	})
}
