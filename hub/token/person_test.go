package token_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/store"
)

const (
	azure    = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
	ada      = "f2b9c9d0-6b58-4f43-9a8a-9d8b1f0e6a11"
	adaName  = "Ada@example.org"
	adaKnows = "Analytical-Engine-1843"
	all      = hubURL + "/.default openid profile offline_access"
)

// user adds a person with a password.
func (f *fixture) user(t *testing.T, changes ...func(*store.Principal)) {
	t.Helper()
	hash, err := f.Users.Hasher.Hash(t.Context(), adaKnows)
	if err != nil {
		t.Fatal(err)
	}
	made := store.Principal{ObjectID: ada, TenantID: tenant, DisplayName: "Ada Lovelace", UserName: adaName, CreatedAt: f.clock}
	for _, change := range changes {
		change(&made)
	}
	if err := f.db.CreateUser(t.Context(), made, hash); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) change(t *testing.T, edit func(*store.Principal)) {
	t.Helper()
	_, err := f.db.ChangePrincipal(t.Context(), ada, func(p *store.Principal) error { edit(p); return nil }, nil, f.clock)
	if err != nil {
		t.Fatal(err)
	}
}

func passwordForm(changes ...string) url.Values {
	form := url.Values{"grant_type": {"password"}, "client_id": {azure}, "username": {adaName}, "password": {adaKnows}, "scope": {all}}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func refreshForm(token string, changes ...string) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {azure}, "refresh_token": {token}, "scope": {all}}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	if err == nil {
		err = json.Unmarshal(content, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestPersonGetsAllThatMSALNeeds(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	w := f.post("/organizations/oauth2/v2.0/token", passwordForm("username", strings.ToUpper(adaName)))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	answer := decode(t, w)
	identity := payload(t, text(answer, "id_token"))
	for claim, want := range map[string]any{
		"aud": azure, "oid": ada, "sub": ada, "tid": tenant, "preferred_username": adaName, "name": "Ada Lovelace",
		"iss": hubURL + "/" + tenant + "/v2.0", "exp": float64(f.clock.Add(time.Hour).Unix()),
	} {
		if got := identity[claim]; got != want && claim != "aud" || claim == "aud" && got != want && !strings.Contains(jsonText(t, got), azure) {
			t.Errorf("id_token %s: %v, want %v", claim, got, want)
		}
	}
	info, err := base64.RawURLEncoding.DecodeString(text(answer, "client_info"))
	if err != nil || string(info) != `{"uid":"`+ada+`","utid":"`+tenant+`"}` {
		t.Errorf("client_info %s, %v", info, err)
	}
	if text(answer, "scope") != all || text(answer, "refresh_token") == "" {
		t.Errorf("%v", answer)
	}
	access := payload(t, text(answer, "access_token"))
	if access["idtyp"] != "user" || access["scp"] != "user_impersonation" || access["appid"] != azure {
		t.Errorf("%v", access)
	}
	if who := f.call(text(answer, "access_token")); who.Body.String() != ada {
		t.Errorf("%d %s", who.Code, who.Body)
	}
	if who := f.call(text(answer, "id_token")); who.Code != http.StatusUnauthorized {
		t.Errorf("an ID token is no access token: %d", who.Code)
	}
}

func jsonText(t *testing.T, value any) string {
	t.Helper()
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestPersonRefused(t *testing.T) {
	cases := map[string]struct {
		reason  string
		changes []string
		edit    func(*store.Principal)
		code    string
		number  string
	}{
		"WrongPassword": {"the password decides", []string{"password", "guess"}, nil, "invalid_grant", "AADSTS50126"},
		"Unknown":       {"in the same words as a wrong password", []string{"username", "bob@example.org"}, nil, "invalid_grant", "AADSTS50126"},
		"Disabled":      {"an administrator can close an account", nil, func(p *store.Principal) { p.Disabled = true }, "invalid_grant", "AADSTS50057"},
		"MustChange":    {"a password that somebody else knows", nil, func(p *store.Principal) { p.MustChangePassword = true }, "invalid_grant", "AADSTS50055"},
		"NoPassword":    {"a missing field", []string{"password", ""}, nil, "invalid_request", "AADSTS900144"},
		"UnknownClient": {"programs are known", []string{"client_id", object}, nil, "unauthorized_client", "AADSTS700016"},
		"NoClient":      {"a missing field", []string{"client_id", ""}, nil, "invalid_request", "client_id"},
		"Secret":        {"public clients have no secret", []string{"client_secret", "x"}, nil, "invalid_client", "AADSTS700025"},
		"OtherResource": {"no tokens for anybody else", []string{"scope", "https://vault.example.org/.default"}, nil, "invalid_resource", "AADSTS500011"},
		"UnknownScope":  {"a scope is a resource and .default", []string{"scope", hubURL + "/admin"}, nil, "invalid_scope", "AADSTS70011"},
		"TwoResources":  {"a token is for one", []string{"scope", hubURL + "/.default " + armURL + "/.default"}, nil, "invalid_scope", "AADSTS28000"},
		"LongScope":     {"input is bounded", []string{"scope", strings.Repeat("openid ", 1000)}, nil, "invalid_scope", "AADSTS70011"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.user(t)
			if c.edit != nil {
				f.change(t, c.edit)
			}
			w := f.post(tokenPath, passwordForm(c.changes...))
			answer := decode(t, w)
			if w.Code == http.StatusOK || answer["error"] != c.code || !strings.Contains(text(answer, "error_description"), c.number) {
				t.Errorf("%s: %d %v", c.reason, w.Code, answer)
			}
			if strings.Contains(f.log.String(), adaKnows) || strings.Contains(f.log.String(), "guess") {
				t.Error("a password is in the log")
			}
		})
	}
}

func TestGuessingPasswordsIsSlowedDown(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	for range 10 {
		f.post(tokenPath, passwordForm("password", "guess"))
	}
	if w := f.post(tokenPath, passwordForm()); w.Code != http.StatusTooManyRequests {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	neighbour := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(passwordForm().Encode()))
	neighbour.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	neighbour.RemoteAddr = "[2001:db8::1]:5"
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, neighbour)
	if w.Code != http.StatusOK {
		t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
	}
}

// session signs Ada in and returns her refresh token.
func (f *fixture) session(t *testing.T) string {
	t.Helper()
	f.user(t)
	w := f.post(tokenPath, passwordForm())
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return text(decode(t, w), "refresh_token")
}

func (f *fixture) refresh(t *testing.T, token string, changes ...string) (next, description string) {
	t.Helper()
	answer := decode(t, f.post(tokenPath, refreshForm(token, changes...)))
	return text(answer, "refresh_token"), text(answer, "error_description")
}

func TestRefreshTokensRotate(t *testing.T) {
	f := newFixture(t)
	first := f.session(t)
	second, why := f.refresh(t, first, "scope", armURL+"//.default openid offline_access")
	if second == "" || second == first {
		t.Fatalf("%q", why)
	}
	again, why := f.refresh(t, first)
	if again == "" {
		t.Fatalf("the answer may have been lost on the way: %s", why)
	}
	f.clock = f.clock.Add(89 * 24 * time.Hour)
	third, why := f.refresh(t, second)
	if third == "" {
		t.Fatalf("within 90 days: %s", why)
	}
	f.clock = f.clock.Add(90*24*time.Hour + time.Second)
	if _, why := f.refresh(t, third); !strings.Contains(why, "AADSTS700082") {
		t.Errorf("after 90 days of doing nothing: %q", why)
	}
}

func TestStolenRefreshTokenEndsTheSession(t *testing.T) {
	f := newFixture(t)
	stolen := f.session(t)
	mine, _ := f.refresh(t, stolen)
	f.clock = f.clock.Add(31 * time.Second)
	if _, why := f.refresh(t, stolen); !strings.Contains(why, "AADSTS50173") {
		t.Errorf("used twice: %q", why)
	}
	if _, why := f.refresh(t, mine); !strings.Contains(why, "AADSTS700082") {
		t.Errorf("one of the two is the thief: %q", why)
	}
}

func TestRefreshIsRefused(t *testing.T) {
	cases := map[string]struct {
		reason string
		before func(*testing.T, *fixture)
		form   []string
		number string
	}{
		"Deleted":  {"a user who is gone", func(t *testing.T, f *fixture) { _ = f.db.DeletePrincipal(t.Context(), ada) }, nil, "AADSTS50173"},
		"Disabled": {"a user who was shut out", func(t *testing.T, f *fixture) { f.change(t, func(p *store.Principal) { p.Disabled = true }) }, nil, "AADSTS50057"},
		"Password": {"whoever changes the password wants to be alone", func(t *testing.T, f *fixture) {
			_, err := f.Users.Change(t.Context(), adaName, adaKnows, password.Password("Difference-Engine-1822"), f.clock.Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
		}, nil, "AADSTS50173"},
		"OtherClient": {"issued to another program", nil, []string{"client_id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a"}, "AADSTS70000"},
		"Garbage":     {"not a token of ours", nil, []string{"refresh_token", "x"}, "AADSTS700082"},
		"Empty":       {"nothing", nil, []string{"refresh_token", ""}, "AADSTS700082"},
		"Scope":       {"another audience", nil, []string{"scope", "https://vault.example.org/.default"}, "AADSTS500011"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			token := f.session(t)
			if c.before != nil {
				c.before(t, f)
			}
			f.clock = f.clock.Add(time.Minute)
			if next, why := f.refresh(t, token, c.form...); next != "" || !strings.Contains(why, c.number) {
				t.Errorf("%s: %q", c.reason, why)
			}
		})
	}
}

func TestRefreshTokensAreNotInTheStore(t *testing.T) {
	f := newFixture(t)
	token := f.session(t)
	if _, err := f.db.GetTicket(t.Context(), "refresh", token); err == nil {
		t.Error("the token itself is the key")
	}
	if strings.Contains(f.log.String(), token) {
		t.Error("the token is in the log")
	}
}

func TestDisabledUserIsShutOutAtOnce(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	bearer := text(decode(t, f.post(tokenPath, passwordForm())), "access_token")
	f.change(t, func(p *store.Principal) { p.Disabled = true })
	if w := f.call(bearer); w.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestInstanceAndRealm(t *testing.T) {
	f := newFixture(t)
	instance := decode(t, f.get("/common/discovery/instance?api-version=1.1&authorization_endpoint=x"))
	if text(instance, "tenant_discovery_endpoint") != hubURL+"/"+tenant+"/v2.0/.well-known/openid-configuration" || instance["metadata"] == nil {
		t.Errorf("%v", instance)
	}
	known, unknown := f.get("/common/userrealm/ada@example.org"), f.get("/common/userrealm/nobody@example.org")
	if text(decode(t, known), "account_type") != "Managed" || known.Body.String() != unknown.Body.String() {
		t.Errorf("%s, %s", known.Body, unknown.Body)
	}
}
