package extension_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	stdlog "log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/dataplane"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/provider"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/store"
)

const (
	subscription = "/subscriptions/5a17c3b2-0000-4000-8000-000000000001"
	group        = subscription + "/resourceGroups/shops"
	clusters     = group + "/providers/Microsoft.Kubernetes/connectedClusters"
	version      = "?api-version=2023-05-01"
	previews     = "?api-version=2023-05-01-preview"
	kinds        = "/providers/Microsoft.KubernetesConfiguration/extensionTypes"
	tenant       = "7e4a47ee-0000-4000-8000-000000000002"
	owner        = "0b0e0000-0000-4000-8000-000000000003"
	chartLayer   = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// bench is a hub's resource API and data plane with everything real behind them, and a registry with charts.
type bench struct {
	testing.TB

	folder  string
	log     *journal
	db      *store.DB
	service *extension.Service
	flux    *gitops.Service
	agents  *dataplane.Server
	front   *httptest.Server
	charts  *httptest.Server
	checker *access.Checker
	stop    func()

	catalogue *catalogue.Catalogue
	api       *resource.API
}

// journal is everything that was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func start(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, folder: t.TempDir(), log: &journal{}}
	b.charts = httptest.NewTLSServer(registry.New(registry.Logger(stdlog.New(io.Discard, "", 0))))
	t.Cleanup(b.charts.Close)
	b.open(configuration.DefaultPatience())
	t.Cleanup(func() { b.stop() })
	b.firstStart()
	return b
}

// open runs a hub on the folder; it is called again for what a restart does.
func (b *bench) open(patience configuration.Patience) {
	b.Helper()
	db, err := store.Open(context.Background(), "sqlite:"+filepath.Join(b.folder, "hub.db"))
	if err != nil {
		b.Fatal(err)
	}
	box, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	ca, err := authority.Open(context.Background(), &authority.Vault{Box: box, Store: db}, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	checker := &access.Checker{Store: db}
	tracker := &presence.Tracker{Store: db, Now: time.Now, Log: log}
	around := configuration.Surroundings{Store: db, Box: box, Presence: tracker, Patience: patience, Now: time.Now, Started: time.Now(), Log: log}
	b.service = extension.New(around)
	b.flux = gitops.New(around, b.service)
	deps := provider.Deps{
		Store: db, Access: checker, Presence: tracker, TenantID: tenant, Locations: []string{"local"}, Now: time.Now, Log: log,
		Extensions: b.service, Flux: b.flux, Catalogue: &catalogue.Catalogue{Store: db, BuiltIn: b.builtIn, Open: b.service.Unseal, Clock: time.Now},
		Make: func(ctx context.Context, id fairlead.ResourceID, correlation string, sent resource.Document) error {
			return b.api.Make(ctx, id, correlation, sent)
		},
	}
	api := &resource.API{Store: db, Types: provider.All(deps), Access: checker, Reply: reply.Writer{Log: log}, Now: time.Now, Log: log}
	b.catalogue = deps.Catalogue
	b.service.Registries = b.catalogue
	api.Documents = []resource.Mounter{&provider.TypeCatalogue{Deps: deps, Reply: api.Reply}, &provider.Directory{
		Store: db, Access: checker, Reply: api.Reply, TenantID: tenant, Locations: deps.Locations, Types: api.Types, Now: time.Now,
	}}
	b.db, b.checker, b.api = db, checker, api
	b.agents = &dataplane.Server{
		Identity: &identity.Issuer{Store: db, Authority: ca, Now: time.Now}, Presence: tracker, Store: db, Extensions: b.service, Flux: b.flux, Log: log,
	}
	b.run(api, tracker)
}

func (b *bench) run(api *resource.API, tracker *presence.Tracker) {
	people, agents := http.NewServeMux(), http.NewServeMux()
	b.agents.Mount(agents)
	b.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/provider/") {
			agents.ServeHTTP(w, r)
			return
		}
		if who := r.Header.Get("X-Test-Principal"); who != "" {
			r = r.WithContext(access.WithPrincipal(r.Context(), access.Principal{ObjectID: who, AppID: "app-" + who, TenantID: tenant}))
		}
		people.ServeHTTP(w, r)
	}))
	b.front.StartTLS()
	api.URL, b.agents.URL = b.front.URL, b.front.URL
	api.Mount(people)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{api.Run, tracker.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	front, db := b.front, b.db
	b.stop = sync.OnceFunc(func() { cancel(); front.Close(); running.Wait(); _ = db.Close() })
}

func (b *bench) firstStart() {
	b.Helper()
	name := strings.TrimPrefix(subscription, "/subscriptions/")
	if _, err := b.db.PutResource(context.Background(), store.Resource{
		Key: strings.ToLower(subscription), ID: subscription, Type: provider.SubscriptionType, Name: name, Subscription: name, Body: []byte(`{"displayName":"First"}`),
	}, store.AnyState); err != nil {
		b.Fatal(err)
	}
	if err := b.checker.Assign(context.Background(), owner, access.Owner, "/"); err != nil {
		b.Fatal(err)
	}
	b.do(http.MethodPut, group+"?api-version=2022-09-01", `{"location":"local"}`).want(http.StatusCreated)
}

// answer is what came back.
type answer struct {
	t        *bench
	call     string
	status   int
	header   http.Header
	text     string
	document resource.Document
}

func (b *bench) do(method, path, body string) answer {
	b.Helper()
	return b.as(owner, method, path, body)
}

func (b *bench) as(who, method, path, body string) answer {
	b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, b.front.URL+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("X-Test-Principal", who)
	r.Header.Set("Prefer", "respond-async")
	response, err := b.front.Client().Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	got := answer{t: b, call: method + " " + path, status: response.StatusCode, header: response.Header, text: string(content)}
	if len(content) > 0 {
		if got.document, err = resource.ReadDocument(content); err != nil {
			b.Fatalf("%s: %v in %q", got.call, err, content)
		}
	}
	return got
}

func (a answer) want(statuses ...int) answer {
	a.t.Helper()
	if !slices.Contains(statuses, a.status) {
		a.t.Fatalf("%s: status %d, want %d: %s", a.call, a.status, statuses, a.text)
	}
	return a
}

// has compares values at paths, given in pairs, as text.
func (a answer) has(pairs ...string) answer {
	a.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		value := a.document.Get(pairs[i])
		text, ok := value.(string)
		if !ok {
			content, err := json.Marshal(value)
			if err != nil {
				a.t.Fatal(err)
			}
			text = string(content)
		}
		if text != pairs[i+1] {
			a.t.Errorf("%s: %s is %q, want %q in %s", a.call, pairs[i], text, pairs[i+1], a.text)
		}
	}
	return a
}

// ended polls an operation the way clients do, and returns its last status document.
func (b *bench) ended(accepted answer) answer {
	b.Helper()
	operation := accepted.header.Get("Azure-AsyncOperation")
	at := strings.Index(operation, "/subscriptions/")
	if at < 0 {
		b.Fatalf("%s: no operation: %d %s", accepted.call, accepted.status, accepted.text)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if got := b.do(http.MethodGet, operation[at:], "").want(http.StatusOK); got.document.Text("status") != "InProgress" {
			return got
		}
	}
	b.Fatalf("%s: the operation does not end", accepted.call)
	return answer{}
}

// agent is a cluster that has its certificate.
type agent struct {
	b     *bench
	id    fairlead.ResourceID
	key   *ecdsa.PrivateKey
	chain []*x509.Certificate
	etag  string
}

func (b *bench) connect(name string) *agent {
	b.Helper()
	return b.connectAs(clusters+"/"+name, "?api-version=2024-01-01", "")
}

// connectAs connects a cluster of any kind, with tags.
func (b *bench) connectAs(id, query, tags string) *agent {
	b.Helper()
	onboarding, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	public := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&onboarding.PublicKey))
	accepted := b.do(http.MethodPut, id+query, `{"location":"local","tags":{`+tags+`},"properties":{"agentPublicKeyCertificate":"`+public+`"}}`)
	b.ended(accepted.want(http.StatusCreated)).has("status", "Succeeded")
	a := &agent{b: b}
	if a.id, err = fairlead.ParseResourceID(id); err != nil {
		b.Fatal(err)
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		b.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.key)
	if err != nil {
		b.Fatal(err)
	}
	var got fairlead.CertificateResponse
	a.post(fairlead.OpCertificate, fairlead.CertificateRequest{CSR: csr}, &got, onboarding)
	for block, rest := pem.Decode([]byte(got.Certificate)); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			b.Fatal(err)
		}
		a.chain = append(a.chain, certificate)
	}
	a.call(fairlead.OpHeartbeat, fairlead.Heartbeat{MetadataHash: "one"}, nil)
	return a
}

func (a *agent) call(operation string, request, answer any) {
	a.b.Helper()
	a.post(operation, request, answer, a.key, a.chain...)
}

func (a *agent) post(operation string, request, answer any, key crypto.Signer, chain ...*x509.Certificate) {
	a.b.Helper()
	if status, text := a.try(operation, request, key, chain...); status != http.StatusOK {
		a.b.Fatalf("%s: %d %s", operation, status, text)
	} else if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			a.b.Fatalf("%s: %v in %s", operation, err, text)
		}
	}
}

func (a *agent) try(operation string, request any, key crypto.Signer, chain ...*x509.Certificate) (int, []byte) {
	a.b.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		a.b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, a.b.front.URL+fairlead.DataPlanePath(a.id, operation), bytes.NewReader(body))
	if err != nil {
		a.b.Fatal(err)
	}
	if err := (proof.Signer{Key: key, Chain: chain, Now: time.Now}).Sign(r, body); err != nil {
		a.b.Fatal(err)
	}
	response, err := a.b.front.Client().Do(r)
	if err != nil {
		a.b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		a.b.Fatal(err)
	}
	return response.StatusCode, content
}

// pending asks for what extensions are wanted, waiting for news.
func (a *agent) pending() map[string]fairlead.Configuration {
	a.b.Helper()
	return a.pendingOf(fairlead.ExtensionConfigKind)
}

func (a *agent) pendingOf(kind string) map[string]fairlead.Configuration {
	a.b.Helper()
	var got fairlead.PendingConfigs
	a.call(fairlead.OpPendingConfigs, fairlead.PendingQuery{ETag: a.etag, WaitSeconds: 10}, &got)
	a.etag = got.ETag
	found := map[string]fairlead.Configuration{}
	for _, one := range got.Configurations {
		if one.Kind == kind {
			found[one.Name] = one
		}
	}
	return found
}

// spec waits until an extension is wanted that meets a condition.
func (a *agent) spec(meets func(fairlead.Configuration, fairlead.ExtensionSpec) bool) (fairlead.Configuration, fairlead.ExtensionSpec) {
	a.b.Helper()
	a.etag = ""
	for range 20 {
		one, ok := a.pending()["demo"]
		var spec fairlead.ExtensionSpec
		if ok {
			if err := json.Unmarshal(one.Spec, &spec); err != nil {
				a.b.Fatal(err)
			}
			if meets == nil || meets(one, spec) {
				return one, spec
			}
		}
	}
	a.b.Fatal("the extension is never wanted so")
	return fairlead.Configuration{}, fairlead.ExtensionSpec{}
}

func (a *agent) report(state fairlead.ExtensionState) {
	a.b.Helper()
	state.Time = time.Now()
	a.call(fairlead.OpExtensionStatus, []fairlead.ExtensionReport{{Name: "demo", State: state}}, nil)
}

// push puts a chart into the registry, which knows it by versions.
func (b *bench) push(versions ...string) {
	b.Helper()
	host := strings.TrimPrefix(b.charts.URL, "https://")
	for _, version := range versions {
		image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
			Layer: static.NewLayer([]byte("archive of "+version), chartLayer),
		})
		if err != nil {
			b.Fatal(err)
		}
		tag, err := name.NewTag(host + "/charts/demo:" + strings.ReplaceAll(version, "+", "_"))
		if err != nil {
			b.Fatal(err)
		}
		if err := remote.Write(tag, image, remote.WithTransport(b.charts.Client().Transport)); err != nil {
			b.Fatal(err)
		}
	}
}

// register makes an extension type of a chart in the registry.
func (b *bench) register(trains string) {
	b.Helper()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.charts.Certificate().Raw}))
	body, err := json.Marshal(map[string]any{"properties": map[string]any{
		"chart": "oci://" + strings.TrimPrefix(b.charts.URL, "https://") + "/charts/demo", "caBundle": ca, "releaseTrains": json.RawMessage(trains),
		"defaultReleaseNamespace": "contoso", "defaultSettings": map[string]string{"replicas": "1", "log.level": "info"},
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.do(http.MethodPut, kinds+"/contoso.demo"+previews, string(body)).want(http.StatusOK, http.StatusCreated)
}

func path(a *agent, name string) string {
	return a.id.String() + "/providers/Microsoft.KubernetesConfiguration/extensions/" + name
}

func one(a *agent, name string) string { return path(a, name) + version }
