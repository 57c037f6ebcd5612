package token_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

func TestTokenForServicePrincipal(t *testing.T) {
	cases := map[string]struct{ reason, path, scope, client string }{
		"Tenant":        {"the usual way", "/" + tenant + "/oauth2/v2.0/token", hubURL + "/.default", appID},
		"UpperCase":     {"ids are compared without case", "/" + strings.ToUpper(tenant) + "/oauth2/v2.0/token", hubURL + "/.default", strings.ToUpper(appID)},
		"Organizations": {"a client that was given no tenant", "/organizations/oauth2/v2.0/token", hubURL + "/.default", appID},
		"ADFS":          {"an authority without a tenant", "/adfs/oauth2/token", hubURL + "/.default", appID},
		"TwoSlashes":    {"clients append to an audience that ends in a slash", "/" + tenant + "/oauth2/v2.0/token", hubURL + "//.default", appID},
		"OpenIDWords":   {"Go's sign-in library always adds them", "/" + tenant + "/oauth2/v2.0/token", hubURL + "/.default openid offline_access profile", appID},
		"NoScope":       {"there is one audience only", "/" + tenant + "/oauth2/v2.0/token", "", appID},
	}
	f := newFixture(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := f.post(c.path, f.form("scope", c.scope, "client_id", c.client))
			if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%s: %d %s", c.reason, w.Code, w.Body)
			}
			answer := decode(t, w)
			if answer["token_type"] != "Bearer" || answer["expires_in"] != 3600.0 {
				t.Errorf("%s: %v", c.reason, answer)
			}
			if who := f.call(text(answer, "access_token")); who.Code != http.StatusOK || who.Body.String() != object {
				t.Errorf("%s: token of %s, %d", c.reason, who.Body, who.Code)
			}
		})
	}
}

func TestTokenByBasicAuthentication(t *testing.T) {
	f := newFixture(t)
	r := httptest.NewRequest(http.MethodPost, "/"+tenant+"/oauth2/v2.0/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(appID, string(f.secret))
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTokenRefused(t *testing.T) {
	cases := map[string]struct {
		reason  string
		path    string
		changes []string
		status  int
		code    string
		text    string
	}{
		"WrongSecret":   {"the secret decides", "", []string{"client_secret", "fls_wrong"}, 401, "invalid_client", "AADSTS7000215"},
		"ExpiredSecret": {"an expired secret is named as such", "", []string{"client_secret", "fls_old"}, 401, "invalid_client", "AADSTS7000222"},
		"UnknownApp":    {"people mistype ids", "", []string{"client_id", tenant}, 400, "unauthorized_client", "AADSTS700016"},
		"Managed":       {"the identity of a cluster has no secret", "", []string{"client_id", "managed"}, 400, "unauthorized_client", "AADSTS700016"},
		"NoSecret":      {"a missing field is named", "", []string{"client_secret", ""}, 400, "invalid_request", "client_secret"},
		"NoClient":      {"a missing field is named", "", []string{"client_id", ""}, 400, "invalid_request", "client_id"},
		"AssertionType": {"an assertion says what it is", "", []string{"client_secret", "", "client_assertion", "x"}, 400, "invalid_request", "AADSTS90023"},
		"Both":          {"one proof, so that nobody wonders which counted", "", []string{"client_assertion", "x", "client_assertion_type", assertionType}, 400, "invalid_request", "AADSTS90023"},
		"PublicGrant":   {"a service principal is no program of a person", "", []string{"grant_type", "password"}, 400, "unauthorized_client", "AADSTS700016"},
		"OtherGrant":    {"not every grant is known", "", []string{"grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"}, 400, "unsupported_grant_type", "AADSTS70003"},
		"OtherResource": {"no tokens for anybody else", "", []string{"scope", "https://vault.example.org/.default"}, 400, "invalid_resource", "AADSTS500011"},
		"ScopeForm":     {"a scope is a resource and .default", "", []string{"scope", "openid"}, 400, "invalid_scope", "AADSTS1002012"},
		"OtherTenant":   {"the hub has one tenant", "/" + object + "/oauth2/v2.0/token", nil, 400, "invalid_request", "AADSTS90002"},
	}
	f := newFixture(t)
	f.addSecret(t, "2", "fls_old", f.clock.Add(-time.Second))
	managed := store.Principal{ObjectID: "managed", AppID: "managed", TenantID: tenant, Kind: store.ManagedIdentity}
	if err := f.db.CreatePrincipal(t.Context(), managed); err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.path == "" {
				c.path = "/" + tenant + "/oauth2/v2.0/token"
			}
			w := f.post(c.path, f.form(c.changes...))
			answer := decode(t, w)
			if w.Code != c.status || answer["error"] != c.code || !strings.Contains(text(answer, "error_description"), c.text) {
				t.Errorf("%s: %d %v", c.reason, w.Code, answer)
			}
		})
	}
	for _, secret := range []string{string(f.secret), "fls_wrong"} {
		if strings.Contains(f.log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

func TestTokenFormIsBounded(t *testing.T) {
	f := newFixture(t)
	w := f.post("/"+tenant+"/oauth2/v2.0/token", f.form("claims", strings.Repeat("x", 40<<10)))
	if w.Code != http.StatusBadRequest || text(decode(t, w), "error") != "invalid_request" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	f := newFixture(t)
	path := "/" + tenant + "/oauth2/v2.0/token"
	for range 10 {
		if w := f.post(path, f.form("client_secret", "fls_guess")); w.Code != http.StatusUnauthorized {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	w := f.post(path, f.form())
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "6" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	f.clock = f.clock.Add(6 * time.Second)
	if w := f.post(path, f.form()); w.Code != http.StatusOK {
		t.Errorf("the right secret after the wait: %d %s", w.Code, w.Body)
	}
}

func TestGuessingElsewhereLocksNobodyOut(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		r := httptest.NewRequest(http.MethodPost, "/"+tenant+"/oauth2/v2.0/token", strings.NewReader(f.form("client_secret", "fls_guess").Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "198.51.100.7:999"
		f.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if w := f.post("/"+tenant+"/oauth2/v2.0/token", f.form()); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDiscovery(t *testing.T) {
	cases := map[string]struct{ reason, path, tokenPath string }{
		"Tenant": {"what MSAL asks for", "/" + tenant + "/v2.0/.well-known/openid-configuration", "/" + tenant + "/oauth2/v2.0/token"},
		"None":   {"a client without a tenant", "/organizations/v2.0/.well-known/openid-configuration", "/" + tenant + "/oauth2/v2.0/token"},
		"Root":   {"what OpenID clients ask for", "/.well-known/openid-configuration", "/" + tenant + "/oauth2/v2.0/token"},
		"ADFS":   {"authorities that end in adfs", "/adfs/.well-known/openid-configuration", "/adfs/oauth2/token"},
	}
	f := newFixture(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			document := decode(t, f.get(c.path))
			if document["issuer"] != hubURL+"/"+tenant+"/v2.0" || document["token_endpoint"] != hubURL+c.tokenPath || text(document, "authorization_endpoint") == "" {
				t.Errorf("%s: %v", c.reason, document)
			}
			keys := decode(t, f.get(strings.TrimPrefix(text(document, "jwks_uri"), hubURL)))
			published, _ := keys["keys"].([]any)
			if len(published) != 1 || strings.Contains(f.get(strings.TrimPrefix(text(document, "jwks_uri"), hubURL)).Body.String(), `"d"`) {
				t.Errorf("%s: keys %v", c.reason, keys)
			}
		})
	}
}

func TestUnknownAddresses(t *testing.T) {
	f := newFixture(t)
	if w := f.get("/nowhere"); w.Code != http.StatusNotFound || code(t, w) != "NotFound" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := f.get("/" + object + "/v2.0/.well-known/openid-configuration"); w.Code != http.StatusBadRequest {
		t.Errorf("another tenant: %d %s", w.Code, w.Body)
	}
}

func TestSecretsAreLongAndRedacted(t *testing.T) {
	secret := token.NewSecret()
	if len(secret) < 50 || secret == token.NewSecret() || !strings.HasPrefix(string(secret), "fls_") {
		t.Errorf("a secret of %d characters", len(secret))
	}
	if shown := secret.LogValue().String(); strings.Contains(shown, string(secret)) {
		t.Error("logs show the secret")
	}
}
