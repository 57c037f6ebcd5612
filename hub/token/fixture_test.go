package token_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

const (
	hubURL = "https://hub.example.org:8443"
	armURL = "https://arm.hub.example.org"
	tenant = "9a3e6d2c-52b0-4d5c-8f5a-0c1d9d6f7a10"
	appID  = "0b6a3c11-8f7f-4f39-9a0e-7d4b8f3c2a55"
	object = "5c7d2b8e-1f64-4c53-b1c4-6f0e9a7d3e21"
)

// fixture is a token service on a real store, with a clock of its own and one service principal.
type fixture struct {
	*token.Service

	db      *store.DB
	vault   *authority.Vault
	clock   time.Time
	secret  token.Secret
	log     bytes.Buffer
	handler http.Handler
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{clock: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), secret: token.NewSecret()}
	f.openStore(t)
	log := slog.New(slog.NewTextHandler(&f.log, nil))
	now := func() time.Time { return f.clock }
	keys := &token.Keys{Vault: f.vault, Now: now, Log: log}
	if err := keys.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Service = &token.Service{
		URL: hubURL, Aliases: []string{armURL}, TenantID: tenant, Store: f.db, Keys: keys,
		Users: &password.Keeper{Store: f.db, Hasher: &password.Hasher{}}, Now: now, Log: log,
	}
	mux := http.NewServeMux()
	f.Mount(mux)
	mux.Handle("GET /subscriptions", f.Authenticate(http.HandlerFunc(whoami)))
	f.handler = mux
	return f
}

func (f *fixture) openStore(t testing.TB) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	box, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	f.db, f.vault = db, &authority.Vault{Box: box, Store: db}
	principal := store.Principal{ObjectID: object, AppID: appID, TenantID: tenant, Kind: store.ServicePrincipal, DisplayName: "ci"}
	if err := db.CreatePrincipal(t.Context(), principal); err != nil {
		t.Fatal(err)
	}
	f.addSecret(t, "1", f.secret, time.Time{})
}

func (f *fixture) addSecret(t testing.TB, id string, secret token.Secret, notAfter time.Time) {
	t.Helper()
	credential := store.Credential{ID: id, PrincipalID: object, Hash: secret.Hash(), NotAfter: notAfter, CreatedAt: f.clock}
	if err := f.db.AddCredential(t.Context(), credential); err != nil {
		t.Fatal(err)
	}
}

// whoami answers with the object id of the caller that the middleware found.
func whoami(w http.ResponseWriter, r *http.Request) {
	principal, _ := access.PrincipalFrom(r.Context())
	_, _ = io.WriteString(w, principal.ObjectID)
}

func (f *fixture) form(changes ...string) url.Values {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {appID}, "client_secret": {string(f.secret)}, "scope": {hubURL + "/.default"},
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func (f *fixture) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) get(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func (f *fixture) token(t *testing.T) string {
	t.Helper()
	w := f.post("/"+tenant+"/oauth2/v2.0/token", f.form())
	if w.Code != http.StatusOK {
		t.Fatalf("no token: %d %s", w.Code, w.Body)
	}
	return text(decode(t, w), "access_token")
}

func (f *fixture) call(bearer string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/subscriptions", nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func decode(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return document
}

func text(document map[string]any, name string) string {
	value, _ := document[name].(string)
	return value
}

func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	envelope, _ := decode(t, w)["error"].(map[string]any)
	return text(envelope, "code")
}
