package proof_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

func signedPart(header string) string { return header[:strings.LastIndex(header, ".")] }

func FuzzParse(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	body := []byte("body")
	request := func(header string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/a/b?c=d", nil)
		r.Header.Set(proof.Header, header)
		return r
	}
	genuine := request("")
	if err := (proof.Signer{Key: key, Now: now}).Sign(genuine, body); err != nil {
		f.Fatal(err)
	}
	good := genuine.Header.Get(proof.Header)
	for _, seed := range []string{good, good[:len(good)-2], "..", "a.b.c", "e30.e30.", "{}", good + "." + good} {
		f.Add(seed)
	}
	roots := x509.NewCertPool()
	f.Fuzz(func(t *testing.T, header string) {
		r := request(header)
		parsed, err := proof.Parse(r, now())
		if err != nil {
			if fairlead.KindOf(err) != fairlead.Unauthenticated {
				t.Errorf("%v is not told as a failed proof", err)
			}
			return
		}
		if _, err := parsed.Chain(roots); err == nil {
			t.Error("a chain leads to no roots at all")
		}
		// The signature itself can be written in more than one way; what it signs cannot.
		_, first := parsed.Verify(key.Public(), r, body)
		_, again := parsed.VerifyAgain(&key.PublicKey, r, body)
		if (first == nil || again == nil) && signedPart(header) != signedPart(good) {
			t.Errorf("%q was accepted", header)
		}
	})
}
