package token_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead"
)

const otherKind = "fairlead-caller+jwt"

func (f *fixture) caller(header string) (string, error) {
	r := httptest.NewRequest(http.MethodGet, "/kubernetes/x", nil)
	r.Header.Set("Authorization", header)
	found, err := f.Caller(r)
	if err != nil {
		return "", err
	}
	who, err := f.Principal(r.Context(), found)
	return who.ObjectID, err
}

// What the hub signs besides access tokens is good for what it was signed for, and for nothing else.
func TestKindsOfTokensAreKeptApart(t *testing.T) {
	f := newFixture(t)
	payload := f.claims(nil)
	for _, kind := range []string{"", "JWT"} {
		if text, err := f.SignAs(kind, payload); err == nil {
			t.Errorf("an access token could be made: %s", text)
		}
	}
	text, err := f.SignAs(otherKind, payload)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := f.ReadAs(otherKind, text, &read); err != nil || read["oid"] != object {
		t.Errorf("%v %v", read, err)
	}
	if err := f.ReadAs("fairlead-relay+jwt", text, &read); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("another kind: %v", err)
	}
	if err := f.ReadAs(otherKind, f.token(t), &read); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("an access token: %v", err)
	}
	if err := f.ReadAs(otherKind, text+strings.Repeat("x", 64<<10), &read); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("a huge one: %v", err)
	}
	if w := f.call(text); w.Code != http.StatusUnauthorized {
		t.Errorf("taken for an access token: %d", w.Code)
	}
	if _, err := f.caller("Bearer " + text); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("taken for an access token: %v", err)
	}
}

// A signature that was good is remembered: the key that made it must still be the hub's, and time goes on.
func TestRememberedTokensEnd(t *testing.T) {
	f := newFixture(t)
	bearer := f.token(t)
	for range 2 {
		if who, err := f.caller("Bearer " + bearer); who != object {
			t.Fatal(err)
		}
	}
	if _, err := f.caller("PoP " + bearer); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("one scheme's memory is another's: %v", err)
	}
	f.clock = f.clock.Add(time.Hour + 2*time.Minute)
	if _, err := f.caller("Bearer " + bearer); fairlead.CodeOf(err) != "ExpiredAuthenticationToken" {
		t.Errorf("%v", err)
	}
}

func TestOneAuthorizationOnly(t *testing.T) {
	f := newFixture(t)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Authorization"] = []string{"Bearer " + f.token(t), "Bearer other"}
	if _, err := f.Caller(r); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("%v", err)
	}
}

// signedRequest is a good request as MSAL signs it.
func (f *fixture) signedRequest(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := jose.JSONWebKey{Key: &key.PublicKey}
	print, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := f.accessToken(t, map[string]any{
		"aud": "6256c85f-0aad-4d50-b960-e6e9b21efe35", "cnf": map[string]any{"kid": base64.RawURLEncoding.EncodeToString(print)},
	})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("pop"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(map[string]any{"at": bound, "ts": f.clock.Unix(), "cnf": map[string]any{"jwk": public}}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// accessToken signs an access token that differs in some claims.
func (f *fixture) accessToken(t testing.TB, changes map[string]any) (string, error) {
	t.Helper()
	text, err := f.vault.Get(t.Context(), "token/keys")
	if err != nil {
		return "", err
	}
	var ring []struct {
		JWK jose.JSONWebKey `json:"jwk"`
	}
	if err := json.Unmarshal(text, &ring); err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: ring[0].JWK}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(f.claims(changes)).Serialize()
}

// Whatever comes: nobody is let in but with what was signed, and the hub does not fall over.
func FuzzSignedRequest(f *testing.F) {
	hub := newFixture(f)
	good := hub.signedRequest(f)
	parts := strings.Split(good, ".")
	f.Add(good)
	f.Add(parts[0] + "." + parts[1] + ".")
	f.Add(parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"at":1,"ts":"x","cnf":{"jwk":{"kty":"RSA","n":"AQ","e":"AQAB"}}}`)) + "." + parts[2])
	f.Add("e30.e30.e30")
	if who, err := hub.caller("PoP " + good); who != object {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		who, err := hub.caller("PoP " + text)
		if (err == nil) != (who != "") || err != nil && fairlead.KindOf(err) != fairlead.Unauthenticated {
			t.Fatalf("%q %v", who, err)
		}
		if signed, _, _ := strings.Cut(text, "."); who != "" && signed != parts[0] {
			t.Fatalf("%q was let in by %q", who, text)
		}
	})
}
