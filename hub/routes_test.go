package hub

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/azcloud"
)

func TestRoutes(t *testing.T) {
	name := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	table := routes{data: name("agents"), rest: name("token"), first: map[string]http.Handler{
		"subscriptions": name("resource"), "v2": name("registry"), "azure-arc-k8sagents": name("people"),
	}}
	cases := map[string]struct{ reason, path, want string }{
		"Resource":      {"providers is the resource API", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Kubernetes/connectedClusters/c", "resource"},
		"Agents":        {"provider is the data plane", "/subscriptions/s/resourceGroups/g/provider/connectedclusters/clusters/c/heartbeat", "agents"},
		"AgentsCase":    {"fixed segments have no case", "/Subscriptions/s/resourcegroups/g/Provider/connectedclusters/clusters/c/heartbeat", "agents"},
		"GroupProvider": {"a group may be called provider", "/subscriptions/s/resourceGroups/provider", "resource"},
		"NoMore":        {"nothing after provider is no agent's path", "/subscriptions/s/resourceGroups/g/provider", "resource"},
		"Subscriptions": {"the list", "/subscriptions", "resource"},
		"Registry":      {"by the first segment", "/v2/", "registry"},
		"Longer":        {"by the whole first segment", "/v2x/", "token"},
		"People":        {"by the first segment", "/azure-arc-k8sagents/healthCheck", "people"},
		"Tenant":        {"tenants may have any name", "/9a3e6d2c/oauth2/v2.0/token", "token"},
		"Root":          {"even none", "/", "token"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			table.ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.path, nil))
			if got := w.Body.String(); got != c.want {
				t.Errorf("%s: went to %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestPublicURL(t *testing.T) {
	cases := map[string]struct {
		reason, configured, listen string
		port                       int
		want                       string
	}{
		"Given":    {"what is given is taken, in one spelling", "https://Hub.Example.org:8443/", ":8443", 8443, "https://hub.example.org:8443"},
		"Loopback": {"loopback is for this machine only", "", "127.0.0.1:8443", 8443, "https://localhost:8443"},
		"Chosen":   {"the port that the system chose", "", "127.0.0.1:0", 40000, "https://localhost:40000"},
		"Default":  {"443 goes without saying", "", "127.0.0.1:443", 443, "https://localhost"},
		"Address":  {"an address that was named is meant", "", "192.0.2.7:8443", 8443, "https://192.0.2.7:8443"},
		"IPv6":     {"with brackets", "", "[2001:db8::1]:443", 443, "https://[2001:db8::1]"},
		"Name":     {"a name that was named is meant", "", "hub.example.org:8443", 8443, "https://hub.example.org:8443"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := publicURL(t.Context(), c.configured, c.listen, &net.TCPAddr{Port: c.port}); got != c.want {
				t.Errorf("%s: %s, want %s", c.reason, got, c.want)
			}
		})
	}
}

func TestPublicURLOfEveryAddress(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // names cannot be looked up
	if got := publicURL(ctx, "", ":8443", &net.TCPAddr{Port: 8443}); !strings.HasPrefix(got, "https://") || !strings.HasSuffix(got, ":8443") {
		t.Errorf("got %s", got)
	}
}

func TestCertificateHosts(t *testing.T) {
	hosts := certificateHosts("https://hub.example.org:8443", "192.0.2.7:8443", azcloud.Cloud{URL: "https://hub.example.org:8443", Domain: "hub.example.org"})
	for _, want := range []string{"hub.example.org", "arm.hub.example.org", "login.arc.hub.example.org", "mcr.microsoft.hub.example.org", "*.hub.example.org", "192.0.2.7", "localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(hosts, want) {
			t.Errorf("no %s in %v", want, hosts)
		}
	}
	if slices.Contains(certificateHosts("https://hub:1", "0.0.0.0:1", azcloud.Cloud{}), "0.0.0.0") {
		t.Error("a certificate for every address")
	}
}
