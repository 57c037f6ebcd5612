package provider_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/provider"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

const (
	subscription = "/subscriptions/5a17c3b2-0000-4000-8000-000000000001"
	group        = subscription + "/resourceGroups/shops"
	clusters     = group + "/providers/Microsoft.Kubernetes/connectedClusters"
	edge         = clusters + "/edge-1"
	version      = "?api-version=2024-01-01"
	tenant       = "7e4a47ee-0000-4000-8000-000000000002"
	owner        = "0b0e0000-0000-4000-8000-000000000003"
)

// bench is a resource API with real SQLite behind a real HTTP server. Requests are made as whoever
// the header X-Test-Principal names: signing in is the business of hub/token.
type bench struct {
	testing.TB
	url     string
	db      *store.DB
	access  *access.Checker
	tracker *presence.Tracker
	open    func(id string) (*os.File, error) // a recording
}

func start(t testing.TB) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	checker, log := &access.Checker{Store: db}, slog.New(slog.DiscardHandler)
	b := &bench{TB: t, db: db, access: checker, tracker: &presence.Tracker{Store: db, Now: time.Now, Log: log}}
	deps := provider.Deps{Store: db, Access: checker, Presence: b.tracker, TenantID: tenant, Locations: []string{"local", "taipei"}, Now: time.Now}
	deps.Recording = func(id string) (*os.File, error) { return b.open(id) }
	api := &resource.API{Store: db, Types: provider.All(deps), Access: checker, Reply: reply.Writer{Log: log}, Now: time.Now, Log: log, Registered: provider.Registered(db)}
	api.Documents = []resource.Mounter{&provider.Directory{
		Store: db, Access: checker, Reply: api.Reply, TenantID: tenant, Locations: deps.Locations, Types: api.Types, Now: time.Now,
	}}
	activity := &provider.ActivityLog{Store: db, Access: checker, Reply: api.Reply, TenantID: tenant}
	api.Documents = append(api.Documents, activity)
	b.serve(api)
	activity.URL = b.url
	b.firstStart()
	return b
}

func (b *bench) serve(api *resource.API) {
	mux := http.NewServeMux()
	server := httptest.NewServer(signIn(mux))
	b.Cleanup(server.Close)
	api.URL, b.url = server.URL, server.URL
	api.Mount(mux)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := api.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() { cancel(); running.Wait() })
}

func signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who := r.Header.Get("X-Test-Principal"); who != "" {
			r = r.WithContext(access.WithPrincipal(r.Context(), access.Principal{ObjectID: who, AppID: "app-" + who, TenantID: tenant}))
		}
		next.ServeHTTP(w, r)
	})
}

func (b *bench) firstStart() {
	b.Helper()
	name := strings.TrimPrefix(subscription, "/subscriptions/")
	_, err := b.db.PutResource(b.Context(), store.Resource{
		Key: strings.ToLower(subscription), ID: subscription, Type: provider.SubscriptionType, Name: name, Subscription: name,
		Body: []byte(`{"displayName":"First"}`),
	}, store.AnyState)
	if err != nil {
		b.Fatal(err)
	}
	if err := b.access.Assign(b.Context(), owner, access.Owner, "/"); err != nil {
		b.Fatal(err)
	}
	b.do("PUT", group, `{"location":"Local"}`).want(http.StatusCreated)
}

// answer is what came back; document is nil when there was no body.
type answer struct {
	t        *bench
	call     string
	status   int
	header   http.Header
	document resource.Document
}

func (b *bench) do(method, path, body string, headers ...string) answer {
	b.Helper()
	return b.doAs(owner, method, path, body, headers...)
}

func (b *bench) doAs(who, method, path, body string, headers ...string) answer {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("X-Test-Principal", who)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var content bytes.Buffer
	if _, err := content.ReadFrom(response.Body); err != nil {
		b.Fatal(err)
	}
	got := answer{t: b, call: method + " " + path, status: response.StatusCode, header: response.Header}
	if content.Len() > 0 {
		if got.document, err = resource.ReadDocument(content.Bytes()); err != nil {
			b.Fatalf("%s %s: %v in %q", method, path, err, content.String())
		}
	}
	return got
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %v", a.call, a.status, status, a.document)
	}
	return a
}

func (a answer) refused(status int, code string) {
	a.t.Helper()
	a.want(status)
	if got := a.document.Text("error.code"); got != code {
		a.t.Errorf("%s: code %q, want %q: %v", a.call, got, code, a.document)
	}
	if a.document.Text("error.message") == "" {
		a.t.Errorf("%s: no message", a.call)
	}
}

// has compares values at paths, given in pairs, as text.
func (a answer) has(pairs ...string) answer {
	a.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := text(a.document.Get(pairs[i])); got != pairs[i+1] {
			a.t.Errorf("%s: %s is %q, want %q", a.call, pairs[i], got, pairs[i+1])
		}
	}
	return a
}

func text(value any) string {
	if value == nil {
		return ""
	}
	if text, ok := value.(string); ok {
		return text
	}
	content, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// names returns the names in a list.
func (a answer) names() []string {
	a.t.Helper()
	a.want(http.StatusOK)
	values, ok := a.document["value"].([]any)
	if !ok {
		a.t.Fatalf("%s: no list: %v", a.call, a.document)
	}
	names := []string{}
	for _, value := range values {
		member, _ := value.(map[string]any)
		names = append(names, text(member["name"]))
	}
	return names
}

// await polls an operation the way clients do, and returns its last status document.
func (b *bench) await(accepted answer) answer {
	b.Helper()
	status := strings.TrimPrefix(accepted.header.Get("Azure-AsyncOperation"), b.url)
	for b.Context().Err() == nil {
		if got := b.do("GET", status, "").want(http.StatusOK); got.document.Text("status") != "InProgress" {
			return got
		} else if got.header.Get("Retry-After") != "1" {
			b.Fatal("no Retry-After while in progress")
		}
	}
	b.Fatal("the operation did not end")
	return answer{}
}

func onboardingKey(t testing.TB, bits int) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
}

func clusterBody(key string) string {
	return `{"location":"local","identity":{"type":"SystemAssigned"},"tags":{"site":"quay"},"properties":{` +
		`"agentPublicKeyCertificate":"` + key + `","distribution":"k3s","infrastructure":"generic"}}`
}
