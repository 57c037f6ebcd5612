package token_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

// browser keeps the cookies that it is given and sends forms as pages do.
type browser struct {
	f       *fixture
	cookies map[string]string
	headers map[string]string
	page    *httptest.ResponseRecorder
}

func (f *fixture) browser() *browser {
	return &browser{f: f, cookies: map[string]string{}, headers: map[string]string{"Sec-Fetch-Site": "same-origin"}}
}

func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	b.page = httptest.NewRecorder()
	b.f.handler.ServeHTTP(b.page, r)
	for _, cookie := range b.page.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie.Value
		}
	}
	if next := b.page.Header().Get("Location"); strings.HasPrefix(next, "/") {
		return b.send(httptest.NewRequest(http.MethodGet, next, nil))
	}
	return b.page
}

func (b *browser) get(path string) {
	b.send(httptest.NewRequest(http.MethodGet, path, nil))
}

var hidden = regexp.MustCompile(`name="form" value="([A-Z0-9]+)"`)

// submit sends a form with the hidden value of the page that is shown.
func (b *browser) submit(path string, fields ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	if b.page != nil {
		if found := hidden.FindStringSubmatch(b.page.Body.String()); found != nil {
			form.Set("form", found[1])
		}
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

func (b *browser) shows(t *testing.T, words string) {
	t.Helper()
	if !strings.Contains(b.page.Body.String(), words) {
		t.Fatalf("the page (%d) does not say %q:\n%s", b.page.Code, words, b.page.Body)
	}
}

func (f *fixture) device(t *testing.T) (deviceCode, userCode string) {
	t.Helper()
	w := f.post("/organizations/oauth2/v2.0/devicecode", url.Values{"client_id": {azure}, "scope": {all}})
	answer := decode(t, w)
	if w.Code != http.StatusOK || text(answer, "verification_uri") != hubURL+"/device" || answer["interval"] != 5.0 || answer["expires_in"] != 900.0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(text(answer, "user_code")) || !strings.Contains(text(answer, "message"), text(answer, "user_code")) {
		t.Fatalf("%v", answer)
	}
	return text(answer, "device_code"), text(answer, "user_code")
}

// poll asks as the device does, after the interval, and returns what it is told.
func (f *fixture) poll(t *testing.T, code string, changes ...string) map[string]any {
	t.Helper()
	f.clock = f.clock.Add(5 * time.Second)
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {azure}, "device_code": {code}}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return decode(t, f.post(tokenPath, form))
}

func TestDeviceCode(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	code, userCode := f.device(t)
	if answer := f.poll(t, code); answer["error"] != "authorization_pending" {
		t.Fatalf("%v", answer)
	}
	if strings.Contains(f.log.String(), "refused") {
		t.Errorf("one who waits is no warning: %s", &f.log)
	}
	b := f.browser()
	b.get("/device?user_code=" + strings.ToLower(userCode))
	b.shows(t, `value="`+userCode+`"`)
	b.submit("/device", "user_code", " "+strings.ToLower(strings.ReplaceAll(userCode, "-", "")))
	b.shows(t, "Azure CLI")
	b.submit("/signin", "username", adaName, "password", "guess")
	b.shows(t, "invalid username or password")
	b.submit("/signin", "username", adaName, "password", adaKnows)
	b.shows(t, "192.0.2.1")
	if answer := f.poll(t, code); answer["error"] != "authorization_pending" {
		t.Fatalf("signed in, but not said to go on: %v", answer)
	}
	b.submit("/signin/answer", "answer", "continue")
	b.shows(t, "You are signed in")
	answer := f.poll(t, code)
	if who := f.call(text(answer, "access_token")); who.Body.String() != ada || text(answer, "refresh_token") == "" || text(answer, "id_token") == "" {
		t.Fatalf("%v", answer)
	}
	if answer := f.poll(t, code); answer["error"] != "expired_token" {
		t.Errorf("a code is good once: %v", answer)
	}
	if len(b.cookies) > 0 {
		t.Errorf("cookies stay: %v", b.cookies)
	}
}

func TestDeviceCodeSurvivesARestart(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	code, userCode := f.device(t)
	b := f.browser()
	b.submit("/device", "user_code", userCode)
	again := &token.Service{URL: f.URL, TenantID: f.TenantID, Store: f.Store, Keys: f.Keys, Users: f.Users, Now: f.Now, Log: f.Log}
	mux := http.NewServeMux()
	again.Mount(mux)
	f.handler = mux
	b.submit("/signin", "username", adaName, "password", adaKnows)
	b.submit("/signin/answer", "answer", "continue")
	if answer := f.poll(t, code); text(answer, "access_token") == "" {
		t.Errorf("%v", answer)
	}
}

func TestDeviceCodeRefused(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	declined, userCode := f.device(t)
	b := f.browser()
	b.submit("/device", "user_code", userCode)
	b.submit("/signin", "username", adaName, "password", adaKnows)
	b.submit("/signin/answer", "answer", "cancel")
	b.shows(t, "not signed in")
	if answer := f.poll(t, declined); answer["error"] != "authorization_declined" {
		t.Errorf("%v", answer)
	}
	b.submit("/device", "user_code", userCode)
	b.shows(t, "not right")
	pending, _ := f.device(t)
	if answer := f.poll(t, pending, "client_id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a"); answer["error"] != "invalid_grant" {
		t.Errorf("another program's code: %v", answer)
	}
	f.poll(t, pending)
	f.clock = f.clock.Add(-3 * time.Second)
	if answer := f.poll(t, pending); answer["error"] != "slow_down" {
		t.Errorf("asked after two seconds: %v", answer)
	}
	f.clock = f.clock.Add(15 * time.Minute)
	for reason, code := range map[string]string{"too late": pending, "unknown": "x", "none": ""} {
		if answer := f.poll(t, code); answer["error"] != "expired_token" {
			t.Errorf("%s: %v", reason, answer)
		}
	}
	for reason, form := range map[string]url.Values{
		"no client": {"scope": {all}}, "unknown client": {"client_id": {object}}, "other resource": {"client_id": {azure}, "scope": {"https://vault.example.org/.default"}},
	} {
		if w := f.post("/adfs/oauth2/devicecode", form); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", reason, w.Code, w.Body)
		}
	}
}

func TestUserCodesAreNotGuessed(t *testing.T) {
	f := newFixture(t)
	_, userCode := f.device(t)
	b := f.browser()
	for range 10 {
		b.submit("/device", "user_code", "BBBB-BBBB")
	}
	if w := b.submit("/device", "user_code", userCode); w.Code != http.StatusTooManyRequests {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDeviceCodesAreBounded(t *testing.T) {
	f := newFixture(t)
	for range 10 {
		f.device(t)
	}
	if w := f.post("/adfs/oauth2/devicecode", url.Values{"client_id": {azure}}); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOtherSitesSendNoForms(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	code, userCode := f.device(t)
	b := f.browser()
	b.submit("/device", "user_code", userCode)
	for reason, headers := range map[string]map[string]string{
		"another site":   {"Sec-Fetch-Site": "cross-site"},
		"a sister site":  {"Sec-Fetch-Site": "same-site"},
		"another origin": {"Origin": "https://evil.example.org"},
	} {
		b.headers = headers
		if w := b.submit("/signin", "username", adaName, "password", adaKnows); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", reason, w.Code)
		}
		b.headers = map[string]string{"Sec-Fetch-Site": "same-origin"}
		b.get("/signin")
	}
	if w := b.submit("/signin", "username", adaName, "password", adaKnows, "form", "GUESS"); w.Code != http.StatusForbidden {
		t.Errorf("a form of another page: %d", w.Code)
	}
	stranger := f.browser()
	if w := stranger.submit("/signin/answer", "answer", "continue"); w.Code != http.StatusNotFound {
		t.Errorf("no attempt: %d", w.Code)
	}
	b.get("/signin")
	if w := b.submit("/signin/answer", "answer", "continue"); w.Code != http.StatusNotFound {
		t.Errorf("nobody has signed in: %d", w.Code)
	}
	if answer := f.poll(t, code); answer["error"] != "authorization_pending" {
		t.Errorf("%v", answer)
	}
}

func TestPagesTrustNothing(t *testing.T) {
	f := newFixture(t)
	w := f.get("/device?user_code=%22%3E%3Cscript%3E")
	for header, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
		"X-Frame-Options":         "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	b := f.browser()
	b.submit("/device", "user_code", `"><script>alert(1)</script>`)
	if strings.Contains(b.page.Body.String(), "<script>") || strings.Contains(w.Body.String(), "<script>") {
		t.Error("what was typed is part of the page")
	}
	if style := f.get("/signin/style.css"); style.Code != http.StatusOK || !strings.HasPrefix(style.Header().Get("Content-Type"), "text/css") {
		t.Errorf("style: %d", style.Code)
	}
}

func TestPasswordOfAnAdministratorIsChanged(t *testing.T) {
	const wanted = "Difference-Engine-1822"
	f := newFixture(t)
	f.user(t, func(p *store.Principal) { p.MustChangePassword = true })
	code, userCode := f.device(t)
	b := f.browser()
	b.submit("/device", "user_code", userCode)
	b.submit("/signin", "username", adaName, "password", adaKnows)
	b.shows(t, "Choose a new password")
	for problem, fields := range map[string][]string{
		"typed twice":             {"password", adaKnows, "new", wanted, "repeated", "x"},
		"complexity requirements": {"password", adaKnows, "new", "short", "repeated", "short"},
		"invalid username":        {"password", "guess", "new", wanted, "repeated", wanted},
	} {
		b.submit("/signin/password", append(fields, "username", adaName)...)
		b.shows(t, problem)
	}
	b.submit("/signin/password", "username", adaName, "password", adaKnows, "new", wanted, "repeated", wanted)
	b.submit("/signin/answer", "answer", "continue")
	if answer := f.poll(t, code); text(answer, "access_token") == "" {
		t.Errorf("%v", answer)
	}
	if w := f.post(tokenPath, passwordForm("password", wanted)); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

const verifier = "a-verifier-of-the-length-that-the-standard-asks-for"

func authorization(changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {azure}, "response_type": {"code"}, "redirect_uri": {"http://localhost:8400/"}, "scope": {all}, "state": {"s&t"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "login_hint": {adaName},
	}
	for i := 0; i < len(changes); i += 2 {
		query.Set(changes[i], changes[i+1])
	}
	return query
}

// authorized signs Ada in as a browser does and returns what the program is sent.
func (f *fixture) authorized(t *testing.T) url.Values {
	t.Helper()
	b := f.browser()
	b.get("/organizations/oauth2/v2.0/authorize?" + authorization().Encode())
	b.shows(t, `value="`+adaName+`"`)
	if policy := b.page.Header().Get("Content-Security-Policy"); !strings.HasSuffix(policy, "form-action 'self' http://localhost:8400") {
		t.Errorf("browsers would not go back: %s", policy)
	}
	b.submit("/signin", "username", adaName, "password", adaKnows)
	target, err := url.Parse(b.page.Header().Get("Location"))
	if err != nil || target.Host != "localhost:8400" {
		t.Fatalf("%d %s, %v", b.page.Code, b.page.Body, err)
	}
	return target.Query()
}

func codeForm(code string, changes ...string) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {azure}, "code": {code}, "redirect_uri": {"http://localhost:8400/"}, "code_verifier": {verifier}, "scope": {all},
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func TestAuthorizationCode(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	sent := f.authorized(t)
	if sent.Get("state") != "s&t" {
		t.Errorf("state %q", sent.Get("state"))
	}
	answer := decode(t, f.post(tokenPath, codeForm(sent.Get("code"))))
	if who := f.call(text(answer, "access_token")); who.Body.String() != ada || payload(t, text(answer, "id_token"))["nonce"] != "n" {
		t.Fatalf("%v", answer)
	}
	if w := f.post(tokenPath, codeForm(sent.Get("code"))); w.Code != http.StatusBadRequest {
		t.Errorf("used twice: %d", w.Code)
	}
	for reason, changes := range map[string][]string{
		"another program":  {"client_id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a"},
		"another address":  {"redirect_uri", "http://localhost:8401/"},
		"no verifier":      {"code_verifier", ""},
		"another verifier": {"code_verifier", strings.Repeat("x", 43)},
	} {
		if w := f.post(tokenPath, codeForm(f.authorized(t).Get("code"), changes...)); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", reason, w.Code, w.Body)
		}
	}
	late := f.authorized(t).Get("code")
	f.clock = f.clock.Add(5*time.Minute + time.Second)
	if w := f.post(tokenPath, codeForm(late)); w.Code != http.StatusBadRequest {
		t.Errorf("too late: %d", w.Code)
	}
}

func TestAuthorizationRefused(t *testing.T) {
	f := newFixture(t)
	for reason, changes := range map[string][]string{
		"sent to a stranger":        {"redirect_uri", "https://evil.example.org/"},
		"a name like ours":          {"redirect_uri", "http://localhost.evil.example.org/"},
		"a user in the address":     {"redirect_uri", "http://localhost@evil.example.org/"},
		"another scheme":            {"redirect_uri", "javascript://localhost/%0aalert(1)"},
		"nowhere":                   {"redirect_uri", ""},
		"no challenge":              {"code_challenge", ""},
		"a challenge in the clear":  {"code_challenge_method", "plain"},
		"a token in the address":    {"response_type", "token"},
		"a part that nobody reads":  {"response_mode", "fragment"},
		"an unknown program":        {"client_id", object},
		"somebody else's resource":  {"scope", "https://vault.example.org/.default"},
		"more state than any holds": {"state", strings.Repeat("x", 5000)},
	} {
		w := f.get("/adfs/oauth2/authorize?" + authorization(changes...).Encode())
		if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %s", reason, w.Code, w.Header().Get("Location"))
		}
	}
}

// FuzzForms shows that no form makes the service panic or hand out anything.
func FuzzForms(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=password&client_id=" + azure + "&username=x&password=y", "grant_type=refresh_token&refresh_token=%00&client_id=" + azure,
		"grant_type=authorization_code&code=x&client_id=" + azure, "user_code=%ff%fe", "a;b=c", "grant_type=device_code&device_code=&client_id=" + azure, authorization().Encode(),
		"grant_type=client_credentials&client_id=" + appID + "&client_assertion=a.b.c&client_assertion_type=" + url.QueryEscape(assertionType) + "&token_type=pop&req_cnf=e30",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		served := newFixture(t)
		for _, path := range []string{tokenPath, "/adfs/oauth2/devicecode", "/device", "/signin", "/signin/password", "/signin/answer", "/signin/elsewhere"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			served.handler.ServeHTTP(w, r)
			if strings.Contains(w.Body.String(), "access_token") || w.Code >= http.StatusInternalServerError {
				t.Errorf("%s %q: %d %s", path, form, w.Code, w.Body)
			}
		}
	})
}
