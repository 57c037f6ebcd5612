package relay_test

import (
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead/caller"
)

// far stands for kube-aad-proxy, which is the agents' and cannot be imported here: it verifies statements with the hub's published
// keys, wants one for each request, takes those out of use whose rights have changed, and leads to an API server.
type far struct {
	hub     *hub
	cluster string // key
	to      *httputil.ReverseProxy

	mu     sync.Mutex
	stated map[string]caller.Statement
	puts   int
	refuse int // so many requests of known callers are refused as unknown
	passed int // so many requests went on
	deaf   bool
	kept   chan struct{} // statements wait for its end; nil when they do not
}

// newFar returns the far end of a cluster with an API server behind it.
func newFar(t testing.TB, c *cluster, api http.Handler) *far {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	check(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &far{
		hub: c.hub, cluster: c.id.Key(), stated: map[string]caller.Statement{},
		to: &httputil.ReverseProxy{
			Transport: transport, FlushInterval: -1,
			Rewrite: func(r *httputil.ProxyRequest) {
				r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.RawQuery = address.Scheme, address.Host, r.In.URL.RawQuery
			},
		},
	}
}

func (f *far) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host == caller.ControlHost {
		f.take(w, r)
		return
	}
	f.mu.Lock()
	said, known := f.stated[r.Header.Get(caller.Header)]
	if f.refuse > 0 {
		f.refuse--
		known = false
	}
	if known {
		f.passed++
	}
	f.mu.Unlock()
	if !known || len(r.Header.Values(caller.Header)) != 1 {
		w.Header().Set(caller.ReasonHeader, caller.ReasonUnknownCaller)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Seen-User", said.User)
	f.to.ServeHTTP(w, r)
}

func (f *far) take(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	deaf, kept := f.deaf, f.kept
	f.mu.Unlock()
	if kept != nil {
		select {
		case <-kept:
		case <-r.Context().Done():
			return
		}
	}
	if deaf {
		<-r.Context().Done()
		return
	}
	id, found := strings.CutPrefix(r.URL.Path, "/callers/")
	text, err := io.ReadAll(r.Body)
	if err != nil || !found || r.Method != http.MethodPut {
		http.Error(w, "malformed", http.StatusBadRequest)
		return
	}
	said, problem := f.verify(id, string(text))
	if problem != "" {
		http.Error(w, problem, http.StatusUnauthorized)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	for other, before := range f.stated { // as kube-aad-proxy does when rights have changed
		if before.Subject == said.Subject && before.Mode == said.Mode && len(before.Grants)+len(before.Groups) != len(said.Grants)+len(said.Groups) {
			delete(f.stated, other)
		}
	}
	f.stated[id] = said
	w.WriteHeader(http.StatusNoContent)
}

// verify reads a statement as kube-aad-proxy does, with the keys that anybody can fetch.
func (f *far) verify(id, text string) (caller.Statement, string) {
	answer, err := f.hub.client.Get(f.hub.front.URL + "/" + tenant + "/discovery/v2.0/keys")
	if err != nil {
		return caller.Statement{}, err.Error()
	}
	defer answer.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(answer.Body).Decode(&keys); err != nil {
		return caller.Statement{}, err.Error()
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return caller.Statement{}, err.Error()
	}
	found := keys.Key(parsed.Headers[0].KeyID)
	if len(found) != 1 {
		return caller.Statement{}, "unknown key"
	}
	key, _ := found[0].Key.(*rsa.PublicKey)
	var said caller.Statement
	if err := parsed.Claims(key, &said); err != nil {
		return said, err.Error()
	}
	now := time.Now().Unix()
	kind, _ := parsed.Headers[0].ExtraHeaders[jose.HeaderType].(string)
	if kind != caller.TokenType || said.ID != id || said.Audience != f.cluster || said.Issuer != f.hub.tokens.Issuer() || said.Expiry-said.IssuedAt != caller.Life || now > said.Expiry {
		return said, "not a statement for this cluster"
	}
	return said, ""
}

// statements returns what is stated now, by the newest.
func (f *far) newest() (caller.Statement, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last caller.Statement
	for _, one := range f.stated {
		if one.IssuedAt >= last.IssuedAt {
			last = one
		}
	}
	return last, f.puts
}

// echo answers with what an API server sees of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // whatever came
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "uri": r.RequestURI, "host": r.Host, "header": r.Header, "body": string(body)})
}

type seen struct {
	Method, URI, Host, Body string
	Header                  http.Header
}

func read(t testing.TB, text string) seen {
	t.Helper()
	var found seen
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%v in %s", err, short(text))
	}
	return found
}

// forget refuses so many requests as if their callers were unknown.
func (f *far) forget(times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = times
}
