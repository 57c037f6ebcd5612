package token_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead/store"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	tokenPath     = "/" + tenant + "/oauth2/v2.0/token"
)

// signer is a key with the certificate that was made for it.
type signer struct {
	key         *rsa.PrivateKey
	certificate []byte
}

func newSigner(t testing.TB, from, to time.Time) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ci"}, NotBefore: from, NotAfter: to}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, certificate}
}

func (s signer) short() string {
	sum := sha1.Sum(s.certificate)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s signer) long() string {
	sum := sha256.Sum256(s.certificate)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (f *fixture) register(t *testing.T, id string, s signer) {
	t.Helper()
	parsed, err := x509.ParseCertificate(s.certificate)
	if err != nil {
		t.Fatal(err)
	}
	held := store.KeyCredential{ID: id, PrincipalID: object, Certificate: s.certificate, NotBefore: parsed.NotBefore, NotAfter: parsed.NotAfter, CreatedAt: f.clock}
	if err := f.db.AddKeyCredential(t.Context(), held); err != nil {
		t.Fatal(err)
	}
}

// assert makes an assertion; changes with the value nil take a claim away.
func (f *fixture) assert(t testing.TB, algorithm jose.SignatureAlgorithm, key any, headers, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": appID, "sub": appID, "aud": hubURL + tokenPath, "jti": rand.Text(),
		"nbf": f.clock.Unix(), "exp": f.clock.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	options := &jose.SignerOptions{}
	for name, value := range headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(made).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (f *fixture) asserting(assertion string, changes ...string) url.Values {
	form := f.form(append([]string{"client_assertion", assertion, "client_assertion_type", assertionType}, changes...)...)
	form.Del("client_secret")
	return form
}

func TestCertificateSignsIn(t *testing.T) {
	f := newFixture(t)
	mine := newSigner(t, f.clock.Add(-time.Hour), f.clock.Add(time.Hour))
	f.register(t, "k", mine)
	cases := map[string]struct {
		reason    string
		algorithm jose.SignatureAlgorithm
		headers   map[string]any
		changes   map[string]any
		form      []string
	}{
		"SHA1":       {"older clients name the certificate so", jose.RS256, map[string]any{"x5t": mine.short()}, nil, nil},
		"SHA256":     {"newer ones so", jose.PS256, map[string]any{"x5t#S256": mine.long()}, nil, nil},
		"Both":       {"both must fit", jose.RS256, map[string]any{"x5t": mine.short(), "x5t#S256": mine.long()}, nil, nil},
		"Padded":     {"some pad", jose.RS256, map[string]any{"x5t": mine.short() + "="}, nil, nil},
		"Standard":   {"Go's client takes the other base64", jose.PS256, map[string]any{"x5t": strings.NewReplacer("-", "+", "_", "/").Replace(mine.short()) + "="}, nil, nil},
		"Chain":      {"what is not registered does not count, and does no harm", jose.RS256, map[string]any{"x5t": mine.short(), "x5c": []string{base64.StdEncoding.EncodeToString(mine.certificate)}}, nil, nil},
		"KeyID":      {"the key id is any text", jose.RS256, map[string]any{"x5t": mine.short(), "kid": "other"}, nil, nil},
		"Issuer":     {"the issuer is this service as well", jose.RS256, map[string]any{"x5t": mine.short()}, map[string]any{"aud": hubURL + "/" + tenant + "/v2.0"}, nil},
		"ADFS":       {"authorities that end in adfs", jose.RS256, map[string]any{"x5t": mine.short()}, map[string]any{"aud": hubURL + "/adfs/oauth2/token"}, nil},
		"Alias":      {"the endpoint under another of our names", jose.RS256, map[string]any{"x5t": mine.short()}, map[string]any{"aud": armURL + "/common/oauth2/v2.0/token"}, nil},
		"NoClientID": {"the subject says who", jose.RS256, map[string]any{"x5t": mine.short()}, nil, []string{"client_id", ""}},
		"NoStart":    {"nbf is optional", jose.RS256, map[string]any{"x5t": mine.short()}, map[string]any{"nbf": nil}, nil},
		"ADay":       {"as long as Entra lets it be", jose.RS256, map[string]any{"x5t": mine.short()}, map[string]any{"exp": f.clock.Add(24 * time.Hour).Unix()}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := f.post(tokenPath, f.asserting(f.assert(t, c.algorithm, mine.key, c.headers, c.changes), c.form...))
			if w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", c.reason, w.Code, w.Body)
			}
			if who := f.call(text(decode(t, w), "access_token")); who.Body.String() != object {
				t.Errorf("%s: token of %s", c.reason, who.Body)
			}
		})
	}
}

func TestAssertionRefused(t *testing.T) {
	f := newFixture(t)
	f.Issuers = nil
	mine, foreign := newSigner(t, f.clock.Add(-time.Hour), f.clock.Add(time.Hour)), newSigner(t, f.clock.Add(-time.Hour), f.clock.Add(time.Hour))
	expired, early := newSigner(t, f.clock.Add(-2*time.Hour), f.clock.Add(-time.Hour)), newSigner(t, f.clock.Add(time.Hour), f.clock.Add(2*time.Hour))
	for id, one := range map[string]signer{"mine": mine, "expired": expired, "early": early} {
		f.register(t, id, one)
	}
	header := map[string]any{"x5t": mine.short()}
	by := func(changes map[string]any) string { return f.assert(t, jose.RS256, mine.key, header, changes) }
	public, err := x509.MarshalPKIXPublicKey(&mine.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: foreign.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ reason, assertion, number string }{
		"OtherKey":      {"a stranger's key under our certificate's name", f.assert(t, jose.RS256, foreign.key, header, nil), "AADSTS700027"},
		"OtherCert":     {"a certificate that nobody registered", f.assert(t, jose.RS256, foreign.key, map[string]any{"x5t": foreign.short()}, nil), "AADSTS700027"},
		"OwnChain":      {"the chain in the header is not trusted", f.assert(t, jose.RS256, foreign.key, map[string]any{"x5t": mine.short(), "x5c": []string{base64.StdEncoding.EncodeToString(foreign.certificate)}}, nil), "AADSTS700027"},
		"OwnKey":        {"nor is a key in the header", f.assert(t, jose.RS256, foreign.key, map[string]any{"x5t": mine.short(), "jwk": json.RawMessage(jwk)}, nil), "AADSTS"},
		"Contradiction": {"two thumbprints of two certificates", f.assert(t, jose.RS256, mine.key, map[string]any{"x5t": mine.short(), "x5t#S256": foreign.long()}, nil), "AADSTS700027"},
		"NoThumbprint":  {"no certificate is guessed", f.assert(t, jose.RS256, mine.key, map[string]any{"kid": mine.short()}, nil), "AADSTS700027"},
		"ExpiredCert":   {"certificates end", f.assert(t, jose.RS256, expired.key, map[string]any{"x5t": expired.short()}, nil), "AADSTS700027"},
		"EarlyCert":     {"and begin", f.assert(t, jose.RS256, early.key, map[string]any{"x5t": early.short()}, nil), "AADSTS700027"},
		"Confusion":     {"the public key is no shared secret", f.assert(t, jose.HS256, public, header, nil), "AADSTS50027"},
		"OtherHash":     {"two algorithms are enough", f.assert(t, jose.RS512, mine.key, header, nil), "AADSTS50027"},
		"AlgNone":       {"unsigned", unsigned(t, map[string]any{"iss": appID, "sub": appID, "jti": "x", "exp": f.clock.Add(time.Minute).Unix()}), "AADSTS50027"},
		"Garbage":       {"not a token", "x.y.z", "AADSTS50027"},
		"Huge":          {"input is bounded", strings.Repeat("x", 25<<10), "AADSTS50027"},
		"Expired":       {"assertions end", by(map[string]any{"exp": f.clock.Add(-61 * time.Second).Unix()}), "AADSTS700024"},
		"NoExpiry":      {"always", by(map[string]any{"exp": nil}), "AADSTS700024"},
		"TooLong":       {"soon", by(map[string]any{"exp": f.clock.Add(25 * time.Hour).Unix()}), "AADSTS700024"},
		"Early":         {"not yet", by(map[string]any{"nbf": f.clock.Add(61 * time.Second).Unix()}), "AADSTS700024"},
		"Future":        {"made by a clock that is wrong", by(map[string]any{"iat": f.clock.Add(2 * time.Minute).Unix()}), "AADSTS700024"},
		"OtherAudience": {"meant for somebody else", by(map[string]any{"aud": "https://login.example.com/" + tenant + "/oauth2/v2.0/token"}), "AADSTS700023"},
		"OtherPath":     {"meant for another service of this host", by(map[string]any{"aud": hubURL + "/other"}), "AADSTS700023"},
		"Suffix":        {"a host that begins like ours", by(map[string]any{"aud": hubURL + ".evil.example.org" + tokenPath}), "AADSTS700023"},
		"NoAudience":    {"meant for anybody", by(map[string]any{"aud": nil}), "AADSTS700023"},
		"OtherSubject":  {"about somebody else", by(map[string]any{"sub": object}), "AADSTS700021"},
		"OtherIssuer":   {"an issuer that nobody trusts", by(map[string]any{"iss": "https://issuer.example.org"}), "AADSTS700213"},
		"NoID":          {"what cannot be told from its copy", by(map[string]any{"jti": nil}), "AADSTS50027"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(f.asserting(c.assertion).Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = name + ":1" // each from a place of its own, as guesses are counted
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, r)
			if w.Code == http.StatusOK || !strings.Contains(text(decode(t, w), "error_description"), c.number) {
				t.Errorf("%s: %d %s", c.reason, w.Code, w.Body)
			}
			if !strings.Contains(f.log.String(), "app_id="+appID+" client_address="+name) {
				t.Errorf("%s: the log does not say whose sign-in was refused:\n%s", c.reason, &f.log)
			}
		})
	}
}

func TestAssertionIsUsedOnce(t *testing.T) {
	f := newFixture(t)
	mine := newSigner(t, f.clock.Add(-time.Hour), f.clock.Add(time.Hour))
	f.register(t, "k", mine)
	assertion := f.assert(t, jose.RS256, mine.key, map[string]any{"x5t": mine.short()}, nil)
	if w := f.post(tokenPath, f.asserting(assertion)); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := f.post(tokenPath, f.asserting(assertion)); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "AADSTS700025") {
		t.Errorf("a replay: %d %s", w.Code, w.Body)
	}
	if w := f.post(tokenPath, f.asserting(assertion, "scope", armURL+"/.default")); w.Code != http.StatusOK {
		t.Errorf("another resource, from the same place: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(f.asserting(assertion, "scope", "6256c85f-0aad-4d50-b960-e6e9b21efe35/.default").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "198.51.100.7:999"
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "AADSTS700025") {
		t.Errorf("another resource, from elsewhere: %d %s", w.Code, w.Body)
	}
}

func TestGuessingAssertionsIsSlowedDown(t *testing.T) {
	f := newFixture(t)
	foreign := newSigner(t, f.clock.Add(-time.Hour), f.clock.Add(time.Hour))
	for range 10 {
		f.post(tokenPath, f.asserting(f.assert(t, jose.RS256, foreign.key, map[string]any{"x5t": foreign.short()}, nil)))
	}
	if w := f.post(tokenPath, f.form()); w.Code != http.StatusTooManyRequests {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// FuzzAssertion shows that no assertion gets a token unless a registered key has signed it.
func FuzzAssertion(f *testing.F) {
	fixed := &fixture{clock: time.Now()}
	mine := newSigner(f, fixed.clock.Add(-time.Hour), fixed.clock.Add(time.Hour))
	good := fixed.assert(f, jose.RS256, mine.key, map[string]any{"x5t": mine.short()}, nil)
	for _, seed := range []string{"", "x.y.z", good, good[:len(good)-4], strings.Repeat("A", 30<<10)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, assertion string) {
		served := newFixture(t)
		if w := served.post(tokenPath, served.asserting(assertion)); w.Code == http.StatusOK {
			t.Errorf("%q: %s", assertion, w.Body)
		}
	})
}

func TestProofOfPossession(t *testing.T) {
	const cluster = "6256c85f-0aad-4d50-b960-e6e9b21efe35/.default"
	f := newFixture(t)
	confirm := base64.URLEncoding.EncodeToString([]byte(`{"kid":"thumb","xms_ksl":"sw"}`))
	w := f.post(tokenPath, f.form("scope", cluster, "token_type", "pop", "key_id", "thumb", "req_cnf", confirm))
	if w.Code != http.StatusOK || text(decode(t, w), "token_type") != "pop" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	bound := text(decode(t, w), "access_token")
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(bound, ".")[1])
	if err != nil || !strings.Contains(string(payload), `"cnf":{"kid":"thumb","xms_ksl":"sw"}`) {
		t.Errorf("%s, %v", payload, err)
	}
	if w := f.call(bound); w.Code != http.StatusUnauthorized {
		t.Errorf("it is meant for clusters, not for the hub: %d %s", w.Code, w.Body)
	}
	own := f.post(tokenPath, f.form("token_type", "pop", "req_cnf", confirm))
	if w := f.call(text(decode(t, own), "access_token")); w.Code != http.StatusUnauthorized {
		t.Errorf("a bound token without proof: %d %s", w.Code, w.Body)
	}
	for reason, changes := range map[string][]string{
		"bearer for a cluster": {"scope", cluster},
		"no key":               {"token_type", "pop"},
		"two keys":             {"token_type", "pop", "req_cnf", confirm, "key_id", "other"},
		"no JSON":              {"token_type", "pop", "req_cnf", "eA"},
		"another type":         {"token_type", "ssh-cert", "req_cnf", confirm},
	} {
		if w := f.post(tokenPath, f.form(changes...)); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", reason, w.Code, w.Body)
		}
	}
}
