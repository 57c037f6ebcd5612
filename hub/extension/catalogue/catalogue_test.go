package catalogue

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// shelves is a store with one type.
type shelves struct{ kind store.Resource }

func (s shelves) GetResource(_ context.Context, key string) (store.Resource, error) {
	if key != s.kind.Key {
		return store.Resource{}, fairlead.Errorf(fairlead.NotFound, "%s does not exist", key)
	}
	return s.kind, nil
}

func (s shelves) ListResources(context.Context, store.Query) ([]store.Resource, error) {
	return []store.Resource{s.kind}, nil
}

func (s shelves) GetSealed(context.Context, string) ([]byte, error) {
	return nil, fairlead.Errorf(fairlead.NotFound, "nothing is sealed")
}

func (s shelves) Revisions(context.Context) (store.Revisions, error) { return store.Revisions{}, nil }

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func open(t *testing.T, server *httptest.Server, trains string) (*Catalogue, Type) {
	t.Helper()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	body, err := json.Marshal(map[string]any{"properties": map[string]any{
		"chart": server.URL + "/charts", "chartName": "web", "caBundle": ca, "releaseTrains": json.RawMessage(trains),
	}})
	if err != nil {
		t.Fatal(err)
	}
	known := shelves{store.Resource{Key: Key("contoso.web"), Name: "contoso.web", ETag: "1", Body: body}}
	c := &Catalogue{Store: known, Clock: time.Now}
	kind, err := c.Type(t.Context(), "Contoso.Web")
	if err != nil {
		t.Fatal(err)
	}
	return c, kind
}

func TestClassicRepository(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/charts/index.yaml" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "entries:\n  web:\n  - {version: 1.0.0, digest: %s}\n  - {version: v1.2.0}\n  - {version: 1.1.0}\n  - {version: latest}\n  other:\n  - {version: 9.0.0}\n", digest)
	}))
	defer server.Close()
	c, kind := open(t, server, `{"stable":"1.x","old":"1.0.x"}`)
	got, err := c.Resolve(t.Context(), kind, "Stable", "")
	if err != nil || got.Version != "v1.2.0" || got.Chart.Name != "web" || got.Chart.Repository != server.URL+"/charts" || got.Chart.Digest != "" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err = c.Resolve(t.Context(), kind, "old", "1.0.0"); err != nil || got.Chart.Digest != "sha256:"+digest {
		t.Errorf("%+v %v", got, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the repository was asked %d times, want what is remembered to be used", asked.Load())
	}
	if _, err = c.Resolve(t.Context(), kind, "old", "1.2.0"); fairlead.CodeOf(err) != CodeNoVersion || !strings.Contains(err.Error(), "1.0.0") {
		t.Errorf("%v", err)
	}
	if _, err = c.Resolve(t.Context(), kind, "new", ""); fairlead.CodeOf(err) != CodeNoTrain || !strings.Contains(err.Error(), "old, stable") {
		t.Errorf("%v", err)
	}
}

func TestRepositoriesThatCannotBeReadAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		says  string
	}{
		"not there":     {http.NotFound, "404"},
		"no index":      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{[") }, "not that of a chart repository"},
		"another chart": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "entries: {shop: []}") }, "it has shop"},
		"to metadata": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://169.254.169.254/x", http.StatusFound)
		}, "not one of a registry"},
		"to plain HTTP": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/x", http.StatusFound)
		}, "only https"},
		"without an end": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(c.serve)
			defer server.Close()
			of, kind := open(t, server, `{"stable":"*"}`)
			_, err := of.Resolve(t.Context(), kind, "stable", "")
			if fairlead.CodeOf(err) != "ChartRepositoryUnavailable" || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), server.URL) {
				t.Errorf("%v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestUntrustedRepositoryIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	c, kind := open(t, server, `{"stable":"*"}`)
	kind.CABundle = ""
	if err := c.Try(t.Context(), kind, Credentials{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

// own is a registry of the hub's own.
type own struct{}

func (own) Serves(host string) bool { return host == "hub.example.org" }

func (own) Tags(_ context.Context, repository string) ([]string, error) {
	if repository != "charts/web" {
		return nil, errors.New("push it")
	}
	return []string{"1.0.0_build.1", "x"}, nil
}

func (own) Manifest(context.Context, string, string) ([]byte, error) {
	return []byte(`{"layers":[{"mediaType":"` + chartLayer + `","digest":"sha256:` + digest + `"}]}`), nil
}

func TestTheHubsOwnRegistryIsReadDirectly(t *testing.T) {
	c := &Catalogue{Store: shelves{}, Local: own{}, Clock: time.Now}
	kind := Type{Name: "contoso.web", Chart: "oci://hub.example.org/charts/web", Trains: map[string]string{"stable": "*"}}
	got, err := c.Resolve(t.Context(), kind, "stable", "")
	if err != nil || got.Version != "1.0.0+build.1" || got.Chart.Digest != "sha256:"+digest {
		t.Errorf("%+v %v", got, err)
	}
	kind.Name, kind.Chart = "contoso.other", "oci://hub.example.org/charts/other"
	if _, err := c.Resolve(t.Context(), kind, "stable", ""); err == nil || !strings.Contains(err.Error(), "push it") {
		t.Errorf("%v", err)
	}
}

func TestForbiddenAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254": true, "::ffff:169.254.169.254": true, "fe80::1": true, "168.63.129.16": true, "0.0.0.0": true, "224.0.0.1": true, "fd00:ec2::254": true,
		"10.0.0.1": false, "127.0.0.1": false, "192.0.2.1": false, "2001:db8::1": false,
	} {
		if got := forbidden(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add("entries: {web: [{version: 1.0.0, digest: x}]}")
	f.Add("entries:\n  web:\n  - version: v1\n")
	f.Add("[]")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseIndex([]byte(text), "web")
		if err == nil && len(found) > maxVersions {
			t.Errorf("%d versions", len(found))
		}
		for name, one := range found {
			if one.parsed == nil || len(name) > maxText || one.digest != "" && len(one.digest) != len("sha256:")+64 {
				t.Errorf("%q: %+v", name, one)
			}
		}
	})
}

func FuzzRanges(f *testing.F) {
	f.Add(">=1.0.0 <2", "1.1.0")
	f.Add("*", "2.0.0-rc.1+x")
	f.Fuzz(func(t *testing.T, span, version string) {
		if CheckRange("stable", span) != nil {
			return
		}
		kind := Type{Name: "x", Trains: map[string]string{"stable": span}}
		all := known{}
		all.add(version, "")
		if _, err := kind.In(all.versions(), "stable"); err != nil {
			t.Errorf("%q was accepted: %v", span, err)
		}
	})
}
