package config

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/identity"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// seal does what the hub does.
func seal(t testing.TB, key *ecdsa.PublicKey, settings map[string]string) string {
	t.Helper()
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypter.Encrypt(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := sealed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// calls records what an API server is asked, and answers as one that has what is asked for.
type calls struct {
	all     []string
	bodies  []string
	missing string // paths that hold this are not there
	going   bool
}

func (c *calls) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.all, c.bodies = append(c.all, r.Method+" "+r.URL.Path), append(c.bodies, string(body))
	w.Header().Set("Content-Type", "application/json")
	if c.missing != "" && strings.Contains(r.URL.Path, c.missing) && (r.Method != http.MethodPatch || strings.Contains(r.Header.Get("Content-Type"), "merge")) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Status","status":"Failure","code":404,"reason":"NotFound"}`))
		return
	}
	deleted := ""
	if c.going {
		deleted = `,"deletionTimestamp":"2026-11-26T12:00:00Z"`
	}
	_, _ = w.Write([]byte(`{"apiVersion":"x/v1","kind":"X","metadata":{"name":"web"` + deleted + `}}`))
}

func (c *calls) did(call string) bool { return slices.Contains(c.all, call) }

// flavour is a kind of wish as the API server and the hub see it.
type flavour struct{ kind, path, secret, finalizer, registry string }

func (f flavour) secretPath() string { return "/api/v1/namespaces/azure-arc/secrets/" + f.secret }

func (f flavour) registryPath() string { return "/api/v1/namespaces/azure-arc/secrets/" + f.registry }

func flavours() map[string]flavour {
	const path = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/"
	return map[string]flavour{
		"Extension": {fairlead.ExtensionConfigKind, path + "extensionconfigs/web", "extension-settings-web", fairlead.ExtensionFinalizer, "extension-registry-web"},
		"Flux":      {fairlead.FluxConfigKind, path + "fluxconfigs/web", "flux-settings-web", fairlead.FluxConfigFinalizer, ""},
	}
}

type (
	extensionLine = line[extensionconfig.Object, *extensionconfig.Object, fairlead.ExtensionState]
	fluxLine      = line[fluxconfig.Object, *fluxconfig.Object, fairlead.FluxState]
)

func (a *Agent) extensions() *extensionLine {
	return a.kinds[fairlead.ExtensionConfigVersion+" "+fairlead.ExtensionConfigKind].reports.(*extensionLine)
}

func (a *Agent) fluxes() *fluxLine {
	return a.kinds[fairlead.FluxConfigVersion+" "+fairlead.FluxConfigKind].reports.(*fluxLine)
}

func withExtensions(t *testing.T, hub *script, server *calls, key *ecdsa.PrivateKey) *Agent {
	t.Helper()
	a := agent(t, hub, io.Discard, server.serve)
	a.Extensions, a.Holder = true, &identity.Holder{}
	a.Holder.Set(&identity.Identity{Key: key, Chain: []*x509.Certificate{{}}}, nil)
	return a
}

func offered(kind, spec string, change func(*fairlead.Configuration)) fairlead.PendingConfigs {
	one := fairlead.Configuration{APIVersion: fairlead.ExtensionConfigVersion, Kind: kind, Name: "web", Spec: json.RawMessage(spec)}
	change(&one)
	return fairlead.PendingConfigs{ETag: "e1", Configurations: []fairlead.Configuration{one}}
}

func TestAWishIsWrittenWithItsProtectedSettingsFirst(t *testing.T) {
	for name, k := range flavours() {
		t.Run(name, func(t *testing.T) {
			key, server := newKey(t), &calls{}
			spec := fmt.Sprintf(`{"generation":1,"protectedSettings":{"secretName":%q,"hash":"h"}}`, k.secret)
			hub := &script{pending: offered(k.kind, spec, func(c *fairlead.Configuration) {
				c.Protected = seal(t, &key.PublicKey, map[string]string{"db.password": "swordfish"})
			})}
			if err := withExtensions(t, hub, server, key).once(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := []string{"PATCH " + k.secretPath(), "PATCH " + k.path}
			if k.registry != "" { // the hub sends none
				want = slices.Insert(want, 1, "DELETE "+k.registryPath())
			}
			if !slices.Equal(server.all, want) {
				t.Fatalf("calls %q, want %q", server.all, want)
			}
			if !strings.Contains(server.bodies[0], `"db.password":"c3dvcmRmaXNo"`) || !strings.Contains(server.bodies[0], `"clusterconfig.azure.com/settings-hash":"h"`) {
				t.Errorf("Secret %s", server.bodies[0])
			}
			object := server.bodies[len(server.bodies)-1]
			if !strings.Contains(object, k.finalizer) || strings.Contains(object, "swordfish") {
				t.Errorf("object %s", object)
			}
		})
	}
}

func TestSettingsForAnotherKeyAreAskedForAgain(t *testing.T) {
	server := &calls{}
	hub := &script{pending: offered(fairlead.FluxConfigKind, `{"generation":1,"protectedSettings":{"secretName":"flux-settings-web","hash":"h"}}`, func(c *fairlead.Configuration) {
		c.Protected = seal(t, &newKey(t).PublicKey, map[string]string{"a": "swordfish"})
	})}
	a := withExtensions(t, hub, server, newKey(t))
	if err := a.once(t.Context()); err == nil || a.etag != "" || len(server.all) > 0 {
		t.Errorf("error %v, etag %q, calls %q", err, a.etag, server.all)
	}
	if !strings.Contains(hub.statuses[0].Message, "another key") {
		t.Errorf("status %+v", hub.statuses)
	}
}

func TestSettingsOfNobodyElseAreWritten(t *testing.T) {
	key, server := newKey(t), &calls{}
	hub := &script{pending: offered(fairlead.ExtensionConfigKind, `{"generation":1,"protectedSettings":{"secretName":"azure-identity-certificate","hash":"h"}}`, func(c *fairlead.Configuration) {
		c.Protected = seal(t, &key.PublicKey, map[string]string{"tls.key": "x"})
	})}
	if err := withExtensions(t, hub, server, key).once(t.Context()); err == nil || len(server.all) > 0 {
		t.Errorf("error %v, calls %q", err, server.all)
	}
}

// reported are the reports that the hub got, a line each.
func (s *script) reported() []string {
	var lines []string
	for _, report := range s.reports {
		lines = append(lines, fmt.Sprint(report.Name, " ", report.State.ProvisioningState, " ", report.State.ObservedGeneration))
	}
	for _, report := range s.fluxes {
		lines = append(lines, fmt.Sprint(report.Name, " ", report.State.ProvisioningState, " ", report.State.ObservedGeneration))
	}
	return lines
}

func TestDeletions(t *testing.T) {
	cases := map[string]struct {
		reason    string
		orphan    bool
		missing   string
		finalizer bool // is taken off by us
		reports   []string
	}{
		"Usual":   {"extension-manager uninstalls and then lets it go", false, "", false, nil},
		"Forced":  {"nobody uninstalls", true, "", true, nil},
		"Missing": {"there is nothing to delete, which the hub has to know", false, "configs", false, []string{"web " + fairlead.ExtensionGone + " 7"}},
	}
	for name, c := range cases {
		for which, k := range flavours() {
			t.Run(name+which, func(t *testing.T) {
				server := &calls{missing: c.missing}
				hub := &script{pending: offered(k.kind, `{"generation":7}`, func(one *fairlead.Configuration) { one.Deleted, one.Orphan = true, c.orphan })}
				deletes(t, hub, server)
				if left := k.left(server, c.missing); len(left) > 0 {
					t.Errorf("%s: %q stay: calls %q", c.reason, left, server.all)
				}
				if loose := strings.Contains(strings.Join(server.bodies, ""), `"finalizers":null`); loose != c.finalizer {
					t.Errorf("%s: finalizer taken off: %t", c.reason, loose)
				}
				if got := hub.reported(); !slices.Equal(got, c.reports) {
					t.Errorf("%s: reports %q, want %q", c.reason, got, c.reports)
				}
			})
		}
	}
}

// left returns what was not deleted of what has to be; of a configuration that is missing nothing is known but its credentials.
func (f flavour) left(server *calls, missing string) []string {
	var paths []string
	if missing == "" {
		paths = append(paths, f.path, f.secretPath())
	}
	if f.registry != "" {
		paths = append(paths, f.registryPath())
	}
	return slices.DeleteFunc(paths, func(path string) bool { return server.did("DELETE " + path) })
}

// deletes does what the hub wants in an empty cluster, and reports.
func deletes(t *testing.T, hub *script, server *calls) {
	t.Helper()
	a := withExtensions(t, hub, server, newKey(t))
	a.extensions().take(t.Context(), nil)
	a.fluxes().take(t.Context(), nil)
	if err := a.once(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.postAll(t)
}

func (a *Agent) postAll(t *testing.T) {
	t.Helper()
	_, err := a.extensions().postOnce(t.Context())
	_, other := a.fluxes().postOnce(t.Context())
	if err = errors.Join(err, other); err != nil {
		t.Fatal(err)
	}
}

func TestAnExtensionThatIsGoingIsNotTakenForTheNewOne(t *testing.T) {
	server := &calls{going: true}
	hub := &script{pending: offered(fairlead.ExtensionConfigKind, `{"generation":3}`, func(*fairlead.Configuration) {})}
	a := withExtensions(t, hub, server, newKey(t))
	if err := a.once(t.Context()); err == nil || a.etag != "" {
		t.Errorf("error %v, etag %q: it would go with what the hub wants now", err, a.etag)
	}
}

func TestWithoutExtensionsTheHubIsToldWhy(t *testing.T) {
	server := &calls{}
	hub := &script{pending: offered(fairlead.ExtensionConfigKind, `{"generation":1}`, func(*fairlead.Configuration) {})}
	a := agent(t, hub, io.Discard, server.serve)
	if err := a.once(t.Context()); err == nil || len(server.all) > 0 || !strings.Contains(hub.statuses[0].Message, "extensions.enabled=false") {
		t.Errorf("error %v, calls %q, statuses %+v", err, server.all, hub.statuses)
	}
}

func TestReportsAreRepeatedUntilTheHubHasThem(t *testing.T) {
	hub := &script{lost: errors.New("the hub is away")}
	a := withExtensions(t, hub, &calls{}, newKey(t))
	see := func(state string) {
		meta := metav1.ObjectMeta{Name: "web"}
		a.extensions().take(context.Background(), map[string]*extensionconfig.Object{"web": {ObjectMeta: meta, Status: fairlead.ExtensionState{ObservedGeneration: 1, ProvisioningState: state}}})
		a.fluxes().take(context.Background(), map[string]*fluxconfig.Object{"web": {ObjectMeta: meta, Status: fluxconfig.Status{FluxState: fairlead.FluxState{ObservedGeneration: 1, ProvisioningState: state}}}})
	}
	post := func(want string) {
		t.Helper()
		hub.reports, hub.fluxes = nil, nil
		_, _ = a.extensions().postOnce(t.Context())
		_, _ = a.fluxes().postOnce(t.Context())
		var got, other string
		for _, report := range hub.reports {
			got += report.State.ProvisioningState + map[bool]string{true: " unknown"}[report.Unknown]
		}
		for _, report := range hub.fluxes {
			other += report.State.ProvisioningState + map[bool]string{true: " unknown"}[report.Unknown]
		}
		if got != want || other != want {
			t.Errorf("posted %q of an extension and %q of a configuration, want %q", got, other, want)
		}
	}
	see(fairlead.ExtensionCreating)
	post("")
	hub.lost = nil
	post(fairlead.ExtensionCreating)
	post("")
	see(fairlead.ExtensionSucceeded)
	post(fairlead.ExtensionSucceeded)
	for _, kind := range a.kinds {
		kind.reports.mention(nil)
	}
	post(fairlead.ExtensionSucceeded + " unknown")
	a.extensions().forget()
	a.fluxes().forget()
	post(fairlead.ExtensionSucceeded + " unknown")
}

func FuzzUnseal(f *testing.F) {
	key := newKey(f)
	f.Add(seal(f, &key.PublicKey, map[string]string{"a": "b"}))
	f.Add("a.b.c.d.e")
	f.Fuzz(func(t *testing.T, sealed string) {
		if settings, err := unseal(sealed, key); err != nil && settings != nil {
			t.Error("settings with an error")
		}
	})
}
