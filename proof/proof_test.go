package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func signed(t *testing.T, key crypto.Signer) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/a/b?c=d", nil)
	if err := (proof.Signer{Key: key, Now: now}).Sign(r, []byte("body")); err != nil {
		t.Fatal(err)
	}
	return r
}

func verify(r *http.Request, key crypto.PublicKey, body string, at time.Time) error {
	parsed, err := proof.Parse(r, at)
	if err != nil {
		return err
	}
	_, err = parsed.Verify(key, r, []byte(body))
	return err
}

// verifyAgain is verify after an earlier proof with the same header.
func verifyAgain(r *http.Request, key crypto.PublicKey, body string, at time.Time) error {
	parsed, err := proof.Parse(r, at)
	if err != nil {
		return err
	}
	elliptical, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return verify(r, key, body, at)
	}
	_, err = parsed.VerifyAgain(elliptical, r, []byte(body))
	return err
}

func keys(t *testing.T) (*ecdsa.PrivateKey, *rsa.PrivateKey) {
	t.Helper()
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	modular, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return elliptical, modular
}

func TestProofHoldsForItsOwnRequest(t *testing.T) {
	elliptical, modular := keys(t)
	for _, key := range []crypto.Signer{elliptical, modular} {
		if err := verify(signed(t, key), key.Public(), "body", now()); err != nil {
			t.Errorf("%T: %v", key, err)
		}
	}
	if err := verifyAgain(signed(t, elliptical), elliptical.Public(), "body", now()); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestProofRefusesEverythingElse(t *testing.T) {
	key, other := keys(t)
	cases := map[string]struct {
		change func(*http.Request)
		key    crypto.PublicKey
		body   string
		at     time.Time
		code   string
	}{
		"OtherBody":   {key: key.Public(), body: "else", at: now(), code: "InvalidProof"},
		"OtherKey":    {key: other.Public(), body: "body", at: now(), code: "InvalidProof"},
		"OtherPath":   {func(r *http.Request) { r.URL.Path = "/x" }, key.Public(), "body", now(), "InvalidProof"},
		"OtherQuery":  {func(r *http.Request) { r.URL.RawQuery = "" }, key.Public(), "body", now(), "InvalidProof"},
		"OtherMethod": {func(r *http.Request) { r.Method = http.MethodPut }, key.Public(), "body", now(), "InvalidProof"},
		"NoProof":     {func(r *http.Request) { r.Header.Del(proof.Header) }, key.Public(), "body", now(), "InvalidProof"},
		"TooOld":      {key: key.Public(), body: "body", at: now().Add(6 * time.Minute), code: "ProofExpired"},
		"FromFuture":  {key: key.Public(), body: "body", at: now().Add(-11 * time.Second), code: "ProofExpired"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := signed(t, key)
			if c.change != nil {
				c.change(r)
			}
			for way, check := range map[string]func(*http.Request, crypto.PublicKey, string, time.Time) error{"Verify": verify, "VerifyAgain": verifyAgain} {
				if got := fairlead.CodeOf(check(r, c.key, c.body, c.at)); got != c.code {
					t.Errorf("%s: code %q, want %q", way, got, c.code)
				}
			}
		})
	}
}

// A verifier that has just started does not know which proofs of the time before it has accepted.
func TestProofOfTheTimeBeforeIsRefused(t *testing.T) {
	key, _ := keys(t)
	r := signed(t, key)
	for name, c := range map[string]struct {
		since time.Time
		code  string
	}{
		"Before": {now().Add(time.Second), "ProofExpired"}, "SameSecond": {now().Add(999 * time.Millisecond), "InvalidProof"}, "After": {now().Add(-time.Second), "InvalidProof"},
	} {
		parsed, err := proof.Parse(r, now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		parsed.Since(c.since)
		// Time is judged before the body, so a wrong body tells the two refusals apart.
		if _, err := parsed.Verify(key.Public(), r, []byte("another")); fairlead.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}
