package charts_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/charts"
)

const username, password = "reader", "sword fish+17"

// eavesdropper is a host that nobody has given credentials for. It serves something, and notes what it is sent besides.
type eavesdropper struct {
	*httptest.Server

	mu   sync.Mutex
	got  []string
	hits int
}

func eavesdrop(t *testing.T, content http.HandlerFunc) *eavesdropper {
	t.Helper()
	e := &eavesdropper{}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.hits++
		if given := r.Header.Get("Authorization"); given != "" {
			e.got = append(e.got, r.Method+" "+r.URL.Path+" "+given)
		}
		e.mu.Unlock()
		content(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

// heardNothing demands that the host was asked, and told nothing.
func (e *eavesdropper) heardNothing(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hits == 0 || len(e.got) > 0 {
		t.Errorf("another host was asked %d times and got %q", e.hits, e.got)
	}
}

// pushed returns the handler of a registry that has version 1.0.0 of a chart.
func pushed(t *testing.T) http.Handler {
	t.Helper()
	open := httptest.NewServer(registry.New())
	t.Cleanup(open.Close)
	packed, _ := pack(t, "1.0.0")
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(empty.Image, "application/vnd.cncf.helm.config.v1+json"),
		static.NewLayer(packed, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	if err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(strings.TrimPrefix(open.URL, "http://") + "/charts/web:1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image); err != nil {
		t.Fatal(err)
	}
	return open.Config.Handler
}

// demands lets those in who come with the credentials, and repeats in its refusal what it was sent, as a bad server may.
func demands(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, given, _ := r.BasicAuth()
		if user != username || given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			http.Error(w, "not with "+r.Header.Get("Authorization")+" "+given, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// demandsToken lets those in who come with a token, which is had for the credentials at a realm.
func demandsToken(next http.Handler, realm func(*http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			demands(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"t0ken"}`) }))(w, r)
		case r.Header.Get("Authorization") != "Bearer t0ken":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=\"charts\",scope=\"repository:charts/web:pull\"", realm(r)))
			http.Error(w, "no token", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	}
}

func ownRealm(r *http.Request) string { return "https://" + r.Host + "/token" }

func secured(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return server
}

// inThe is the chart in a registry.
func inThe(server *httptest.Server) fairlead.ExtensionChart {
	return fairlead.ExtensionChart{Repository: "oci://" + strings.TrimPrefix(server.URL, "https://") + "/charts/web", CABundle: authority(server)}
}

func credentials(from fairlead.ExtensionChart) charts.Credentials {
	return charts.Credentials{Host: from.Host(), Username: username, Password: password}
}

// files serves a classic repository.
func files(t *testing.T, archive string) http.Handler {
	t.Helper()
	packed, _ := pack(t, "1.0.0")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/index.yaml") {
			fmt.Fprintf(w, "apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    urls: [%s]\n", archive)
			return
		}
		_, _ = w.Write(packed)
	})
}

func TestRegistriesThatAskForCredentials(t *testing.T) {
	for reason, c := range map[string]struct {
		handler http.Handler
		classic bool
	}{
		"name and password":     {demands(pushed(t)), false},
		"a token of its own":    {demandsToken(pushed(t), ownRealm), false},
		"a classic repository":  {demands(files(t, "web-1.0.0.tgz")), true},
		"one that asks nothing": {pushed(t), false},
	} {
		t.Run(reason, func(t *testing.T) {
			server := secured(t, c.handler)
			from := inThe(server)
			if c.classic {
				from = fairlead.ExtensionChart{Repository: server.URL + "/stable", Name: "web", CABundle: authority(server)}
			}
			given := credentials(from)
			if _, err := fetcher("").Fetch(t.Context(), from, "1.0.0", given); err != nil {
				t.Error(err)
			}
			if reason == "one that asks nothing" {
				return
			}
			given.Password = "drowssap sword+17"
			refuses(t, from, given)
			refuses(t, from, charts.Credentials{})
		})
	}
}

// refuses has a chart fetched with what its registry does not take, of which the error says nothing.
func refuses(t *testing.T, from fairlead.ExtensionChart, wrong charts.Credentials) {
	t.Helper()
	_, err := fetcher("").Fetch(t.Context(), from, "1.0.0", wrong)
	if fairlead.KindOf(err) != fairlead.Forbidden || !strings.Contains(err.Error(), "401") && !strings.Contains(err.Error(), "UNAUTHORIZED") {
		t.Fatalf("with %q: %v", wrong.Password, err)
	}
	for _, secret := range wrong.Secrets() {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func TestCredentialsGoToTheirHostOnly(t *testing.T) {
	stored := pushed(t)
	elsewhere := func(other *eavesdropper, part string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, part) {
				http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
				return
			}
			stored.ServeHTTP(w, r)
		}
	}
	blobs, manifests, archives := eavesdrop(t, stored.ServeHTTP), eavesdrop(t, stored.ServeHTTP), eavesdrop(t, files(t, "").ServeHTTP)
	tokens := eavesdrop(t, files(t, "").ServeHTTP)
	for reason, c := range map[string]struct {
		handler http.Handler
		other   *eavesdropper
		classic bool
	}{
		"a blob is elsewhere":                      {demands(elsewhere(blobs, "/blobs/")), blobs, false},
		"a manifest is elsewhere":                  {demands(elsewhere(manifests, "/manifests/")), manifests, false},
		"a token's blob is elsewhere":              {demandsToken(elsewhere(blobs, "/blobs/"), ownRealm), blobs, false},
		"an archive of an index is elsewhere":      {demands(files(t, archives.URL+"/web-1.0.0.tgz")), archives, true},
		"an archive of an index leads elsewhere":   {demands(leads(files(t, "web-1.0.0.tgz"), archives.URL)), archives, true},
		"the index leads to one that is elsewhere": {demands(http.RedirectHandler(tokens.URL+"/index.yaml", http.StatusFound)), tokens, true},
	} {
		t.Run(reason, func(t *testing.T) {
			server := secured(t, c.handler)
			from := inThe(server)
			if c.classic {
				from = fairlead.ExtensionChart{Repository: server.URL + "/stable", Name: "web", CABundle: authority(server)}
			}
			_, err := fetcher("").Fetch(t.Context(), from, "1.0.0", credentials(from))
			if err != nil && c.other != tokens { // which has no chart
				t.Error(err)
			}
			c.other.heardNothing(t)
		})
	}
}

// leads sends who asks for an archive elsewhere.
func leads(next http.Handler, elsewhere string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".tgz") {
			http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusFound)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// realmByName is a host by a name: go-containerregistry asks no realm at another private address.
func realmByName(realm *eavesdropper) string {
	return strings.Replace(realm.URL, "127.0.0.1", "example.com", 1)
}

// byName finds that host, whose certificate is for that name.
func byName() *charts.Fetcher {
	f := fetcher("")
	f.Outward = func(authorities []byte) *http.Transport {
		way := outward(authorities)
		way.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, strings.Replace(address, "example.com", "127.0.0.1", 1))
		}
		return way
	}
	return f
}

// Whose realm is elsewhere gets no password; the error says that this is so.
func TestARealmElsewhereGetsNoCredentials(t *testing.T) {
	realm := eavesdrop(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"anonymous"}`) })
	server := secured(t, demandsToken(pushed(t), func(*http.Request) string { return realmByName(realm) + "/token" }))
	from := inThe(server)
	_, err := byName().Fetch(t.Context(), from, "1.0.0", credentials(from))
	if fairlead.KindOf(err) != fairlead.Forbidden || !strings.Contains(err.Error(), "were not shown to example.com") {
		t.Errorf("error %v", err)
	}
	realm.heardNothing(t)
}

func TestCredentialsForAnotherHostOrWithoutTLSAreNotUsed(t *testing.T) {
	other := eavesdrop(t, pushed(t).ServeHTTP)
	from := inThe(other.Server)
	for reason, host := range map[string]string{"another": "charts.example.org:443", "another port": "127.0.0.1:443", "none": ""} {
		given := credentials(from)
		given.Host = host
		if _, err := fetcher("").Fetch(t.Context(), from, "1.0.0", given); err != nil {
			t.Errorf("%s: %v", reason, err)
		}
	}
	other.heardNothing(t)

	heard := make(chan string, 10)
	packed, _ := pack(t, "1.0.0")
	server, plain := classic(t, helmsIndex, map[string][]byte{"/stable/charts/web-1.0.0.tgz": packed})
	next := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.Header.Get("Authorization")
		next.ServeHTTP(w, r)
	})
	host := strings.TrimPrefix(server.URL, "http://")
	if _, err := fetcher("").Fetch(t.Context(), plain, "1.0.0", charts.Credentials{Host: host, Username: username, Password: password}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if got := <-heard; got != "" {
			t.Errorf("without TLS it is sent %q", got)
		}
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	given := charts.Credentials{Host: "h:443", Username: username, Password: password}
	for _, text := range []string{fmt.Sprint(given), fmt.Sprintf("%+v %#v", given, given), given.LogValue().String()} {
		if strings.Contains(text, password) || strings.Contains(text, username) {
			t.Error(text)
		}
	}
}
