package federation_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dexidp/dex/storage"
	"github.com/fairlead/fairlead/hub"
	"github.com/fairlead/fairlead/internal/freeport"
	"github.com/fairlead/fairlead/store"
)

const (
	azure    = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
	patience = time.Minute
)

// site is a hub at which people sign in by way of Dex.
type site struct {
	hub.Welcome

	dex  *dex
	db   *store.DB
	http *http.Client
}

func start(t *testing.T, change func(*hub.Config)) *site {
	t.Helper()
	provider := startDex(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeport.Address(t)
	config := hub.Defaults()
	config.Data, config.Listen = t.TempDir(), address
	_, port, _ := net.SplitHostPort(address)
	config.URL = "https://localhost:" + port
	config.Issuer, config.ClientID, config.ClientSecretFile, config.CAFile = provider.url, client, secret, os.Getenv("SSL_CERT_FILE")
	config.Unknown, config.GroupsClaim, config.Domains = "create", "groups", []string{"example.org"}
	config.WorkloadIssuers = []string{provider.url}
	config.Log = slog.New(slog.DiscardHandler)
	if change != nil {
		change(&config)
	}
	provider.knows(t, config.URL+"/signin/callback")
	s := &site{dex: provider, Welcome: serve(t, config)}
	s.http = s.browser(t)
	var err error
	if s.db, err = store.Open(t.Context(), "sqlite:"+filepath.Join(config.Data, "hub.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

func serve(t *testing.T, config hub.Config) hub.Welcome {
	t.Helper()
	welcomed, ended := make(chan hub.Welcome, 1), make(chan error, 1)
	config.Binary = func() (string, error) { return "", errors.New("no image is needed here") }
	config.Welcome = func(w hub.Welcome) error { welcomed <- w; return nil }
	opened, err := hub.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- opened.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the hub ended with %v", err)
		}
	})
	select {
	case welcome := <-welcomed:
		return welcome
	case <-time.After(patience):
		t.Fatal("the hub did not say welcome")
		return hub.Welcome{}
	}
}

// browser trusts the hub and Dex, and keeps cookies.
func (s *site) browser(t *testing.T) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	for _, file := range []string{s.CAFile, os.Getenv("SSL_CERT_FILE")} {
		text, err := os.ReadFile(file)
		if err != nil || !roots.AppendCertsFromPEM(text) {
			t.Fatalf("%s: %v", file, err)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar, Timeout: patience}
}

func read(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// submit sends a form as a browser does, and returns the page at the end of all redirects and its address.
func (s *site) submit(t *testing.T, address string, form url.Values) (page string, at *url.URL) {
	t.Helper()
	response, err := s.http.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content), response.Request.URL
}

func (s *site) post(t *testing.T, path string, form url.Values) string {
	t.Helper()
	page, _ := s.submit(t, s.URL+path, form)
	return page
}

func (s *site) ask(t *testing.T, path string, form url.Values) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(s.post(t, path, form)), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

var (
	hidden = regexp.MustCompile(`name="form" value="([A-Z0-9]+)"`)
	action = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

func formOf(t *testing.T, page string) string {
	t.Helper()
	found := hidden.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form of the hub:\n%s", page)
	}
	return found[1]
}

// elsewhere goes from a device code by way of Dex back to the hub, and returns the code and the hub's page.
func (s *site) elsewhere(t *testing.T, mail, password string) (code, page string) {
	t.Helper()
	begun := s.ask(t, "/organizations/oauth2/v2.0/devicecode", url.Values{"client_id": {azure}, "scope": {s.URL + "/.default openid offline_access profile"}})
	userCode, _ := begun["user_code"].(string)
	code, _ = begun["device_code"].(string)
	page = s.post(t, "/device", url.Values{"user_code": {userCode}})
	page, at := s.submit(t, s.URL+"/signin/elsewhere", url.Values{"form": {formOf(t, page)}})
	target := action.FindStringSubmatch(page)
	if target == nil {
		t.Fatalf("no form of Dex:\n%s", page)
	}
	there, err := at.Parse(html.UnescapeString(target[1]))
	if err != nil {
		t.Fatal(err)
	}
	page, _ = s.submit(t, there.String(), url.Values{"login": {mail}, "password": {password}})
	return code, page
}

// signIn is elsewhere and then Continue; it returns the tokens.
func (s *site) signIn(t *testing.T, mail string) map[string]any {
	t.Helper()
	code, page := s.elsewhere(t, mail, adaKnows)
	if !strings.Contains(page, mail) {
		t.Fatalf("nobody is asked whether to go on:\n%s", page)
	}
	s.post(t, "/signin/answer", url.Values{"form": {formOf(t, page)}, "answer": {"continue"}})
	return s.ask(t, "/adfs/oauth2/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {azure}, "device_code": {code}})
}

func TestPersonOfTheProvider(t *testing.T) {
	s := start(t, nil)
	s.dex.person(t, "ada", "ada@example.org", "owners", "shops")
	answer := s.signIn(t, "ada@example.org")
	if answer["access_token"] == nil || answer["refresh_token"] == nil || answer["id_token"] == nil {
		t.Fatalf("%v", answer)
	}
	made, err := s.db.UserByName(t.Context(), "ada@example.org")
	if err != nil || made.DisplayName != "Name of ada" || made.Issuer != s.dex.url || made.Subject == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	if groups := s.groups(t, made); !slices.Equal(groups, []string{"owners", "shops"}) {
		t.Errorf("groups %v", groups)
	}
	if err := s.dex.storage.UpdatePassword(t.Context(), "ada@example.org", func(p storage.Password) (storage.Password, error) {
		p.Groups, p.PreferredUsername = []string{"shops", "new"}, "renamed@example.org"
		return p, nil
	}); err != nil {
		t.Fatal(err)
	}
	s.http = s.browser(t)
	code, _ := s.elsewhere(t, "ada@example.org", adaKnows)
	if code == "" {
		t.Fatal("no code")
	}
	again, err := s.db.UserByIdentity(t.Context(), s.dex.url, made.Subject)
	if err != nil || again.ObjectID != made.ObjectID {
		t.Errorf("somebody with another name is another person: %+v, %v", again, err)
	}
	if groups := s.groups(t, made); !slices.Equal(groups, []string{"new", "shops"}) {
		t.Errorf("groups %v", groups)
	}
}

func (s *site) groups(t *testing.T, user store.Principal) []string {
	t.Helper()
	found, err := s.db.Related(t.Context(), store.MemberOf, user.ObjectID, store.PrincipalQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range found {
		names = append(names, one.DisplayName)
	}
	slices.Sort(names)
	return names
}

func TestPeopleTurnedAway(t *testing.T) {
	cases := map[string]struct {
		reason string
		mail   string
		change func(*hub.Config)
		before func(*testing.T, *site)
		words  string
	}{
		"Unknown": {"an administrator makes users", "ada@example.org", func(c *hub.Config) { c.Unknown = "refuse" }, nil, "not a user of this hub"},
		"Domain":  {"people of others", "eve@example.com", nil, nil, "may not sign in"},
		"NoClaim": {"nobody knows what they are called", "ada@example.org", func(c *hub.Config) { c.UserClaim = "upn" }, nil, "claim"},
		"SameName": {"a local user's name is no way in", "ada@example.org", nil, func(t *testing.T, s *site) {
			local := store.Principal{ObjectID: "local", TenantID: s.TenantID, UserName: "ADA@example.org", DisplayName: "Ada"}
			if err := s.db.CreateUser(t.Context(), local, nil); err != nil {
				t.Fatal(err)
			}
		}, "Another user of this hub"},
		"Disabled": {"an administrator can close an account", "ada@example.org", nil, func(t *testing.T, s *site) {
			s.signIn(t, "ada@example.org")
			user, err := s.db.UserByName(t.Context(), "ada@example.org")
			if err == nil {
				_, err = s.db.ChangePrincipal(t.Context(), user.ObjectID, func(p *store.Principal) error { p.Disabled = true; return nil }, nil, time.Now())
			}
			if err != nil {
				t.Fatal(err)
			}
			s.http = s.browser(t)
		}, "disabled"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.change)
			s.dex.person(t, "one", c.mail)
			if c.before != nil {
				c.before(t, s)
			}
			if _, page := s.elsewhere(t, c.mail, adaKnows); !strings.Contains(html.UnescapeString(page), c.words) {
				t.Errorf("%s:\n%s", c.reason, page)
			}
		})
	}
}

func TestAnswersOfOthersAreRefused(t *testing.T) {
	s := start(t, nil)
	for reason, query := range map[string]string{"no sign-in": "?code=x&state=y", "an error": "?error=access_denied&state=y", "nothing": ""} {
		response, err := s.http.Get(s.URL + "/signin/callback" + query) //nolint:bodyclose // read closes it
		if page := read(t, response, err); response.StatusCode != http.StatusNotFound || !strings.Contains(page, "has ended") {
			t.Errorf("%s: %d\n%s", reason, response.StatusCode, page)
		}
	}
	begun := s.ask(t, "/adfs/oauth2/devicecode", url.Values{"client_id": {azure}})
	userCode, _ := begun["user_code"].(string)
	page := s.post(t, "/device", url.Values{"user_code": {userCode}})
	response, err := s.http.PostForm(s.URL+"/signin/elsewhere", url.Values{"form": {formOf(t, page)}}) //nolint:bodyclose // read closes it
	_ = read(t, response, err)
	response, err = s.http.Get(s.URL + "/signin/callback?code=x&state=forged") //nolint:bodyclose // read closes it
	if page := read(t, response, err); response.StatusCode != http.StatusNotFound {
		t.Errorf("a forged state: %d\n%s", response.StatusCode, page)
	}
}

func TestWorkloadOfATrustedIssuer(t *testing.T) {
	for name, allowed := range map[string]bool{"Allowed": true, "NotAllowed": false} {
		t.Run(name, func(t *testing.T) { testWorkload(t, allowed) })
	}
}

// testWorkload signs a workload in; if the administrator has not allowed the issuer, a credential in the directory changes nothing.
func testWorkload(t *testing.T, allowed bool) { //nolint:revive // it is the case
	s := start(t, func(c *hub.Config) {
		if !allowed {
			c.WorkloadIssuers = nil
		}
	})
	s.dex.person(t, "pipeline", "pipeline@example.org")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.dex.url+"/token", strings.NewReader(url.Values{
		"grant_type": {"password"}, "username": {"pipeline@example.org"}, "password": {adaKnows}, "scope": {"openid"},
	}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, clientSecret)
	response, err := s.dex.client.Do(request) //nolint:bodyclose // read closes it
	var issued struct {
		IDToken string `json:"id_token"` //nolint:tagliatelle // OAuth 2.0 names
	}
	if err := json.Unmarshal([]byte(read(t, response, err)), &issued); err != nil || issued.IDToken == "" {
		t.Fatalf("no token of Dex: %v", err)
	}
	subject := subjectOf(t, issued.IDToken)
	owner, err := s.db.PrincipalByAppID(t.Context(), s.Administrator.AppID)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {s.Administrator.AppID}, "scope": {s.URL + "/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {issued.IDToken},
	}
	for _, c := range []struct {
		reason, subject, audience string
		good                      bool
	}{
		{"nobody trusts it", "", "", false},
		{"another subject", "other", client, false},
		{"another audience", subject, "api://AzureADTokenExchange", false},
		{"this one", subject, client, allowed},
	} {
		if c.audience != "" {
			trusted := store.FederatedCredential{ID: c.reason, PrincipalID: owner.ObjectID, Name: c.reason, Issuer: s.dex.url, Subject: c.subject, Audience: c.audience}
			if err := s.db.AddFederatedCredential(t.Context(), trusted); err != nil {
				t.Fatal(err)
			}
		}
		if answer := s.ask(t, "/organizations/oauth2/v2.0/token", form); (answer["access_token"] != nil) != c.good {
			t.Errorf("%s: %v", c.reason, answer)
		}
	}
	form.Set("client_assertion", issued.IDToken[:len(issued.IDToken)-8]+"AAAAAAAA")
	if answer := s.ask(t, "/organizations/oauth2/v2.0/token", form); answer["access_token"] != nil {
		t.Errorf("a forged signature: %v", answer)
	}
}
