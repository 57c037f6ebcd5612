package aadproxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/caller"
)

// What one request costs between the tunnel and the API server, which answers at once and is counted as well.
func BenchmarkRequest(b *testing.B) {
	for _, c := range []struct {
		name   string
		groups int
		rbac   bool
		policy string
	}{
		{"Plain", 3, false, ""},
		{"ThousandGroups", 1000, false, ""},
		{"AzureRBAC", 3, true, ""},
		{"Policy", 3, false, "otherwise: allow\nrules: [{effect: deny, users: ['*@evil.example.org'], resources: [secrets]}, {effect: deny, verbs: [exec], namespaces: ['prod-*']}]"},
	} {
		b.Run(c.name, func(b *testing.B) {
			server, api := newAPIServer(b)
			server.policy(c.policy)
			server.then(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
			f := newFixture(b, api, func(config *aadproxy.Config) { config.AzureRBAC = c.rbac })
			id := f.mustPut(func(s *caller.Statement) {
				s.Grants, s.Groups = everything(), nil
				for i := range c.groups {
					s.Groups = append(s.Groups, fmt.Sprintf("%08d-0000-0000-0000-000000000000", i))
				}
			})
			b.ReportAllocs()
			for b.Loop() {
				server.seen = nil
				request := httptest.NewRequest(http.MethodGet, "http://"+caller.KubernetesHost+"/api/v1/namespaces/shop/pods/web", nil)
				request.Header.Set(caller.Header, id)
				f.proxy.ServeHTTP(&discard{header: http.Header{}}, request)
			}
		})
	}
}

// discard is a ResponseWriter for nobody.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header          { return d.header }
func (*discard) Write(text []byte) (int, error) { return len(text), nil }
func (*discard) WriteHeader(int)                {}
func (*discard) Flush()                         {}
