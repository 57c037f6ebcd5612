package hub_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub"
)

const domain = "hub.example.org"

// startForAz runs a hub with a domain whose every host leads to it, and a second address.
func startForAz(t *testing.T, changes ...func(*hub.Config)) *running {
	t.Helper()
	on := start(t, t.TempDir(), append([]func(*hub.Config){func(c *hub.Config) {
		c.Domain, c.AlsoListen = domain, []string{"127.0.0.1:0"}
		c.Binary = func() (string, error) { return textFile(t), nil } // no program, so that only the chart is packed
	}}, changes...)...)
	address, err := url.Parse(on.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport, _ := on.http.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", address.Port()))
	}
	return on
}

func textFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (r *running) at(t *testing.T, host, path string) (int, map[string]any) {
	t.Helper()
	address, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := *r
	elsewhere.URL = "https://" + net.JoinHostPort(host, address.Port())
	return elsewhere.do(t, http.MethodGet, path, "", "")
}

func TestHostsServeWhatTheyAreForAndNothingElse(t *testing.T) {
	on := startForAz(t)
	discovery := "/organizations/v2.0/.well-known/openid-configuration"
	cases := map[string]struct {
		reason, host, path string
		status             int
	}{
		"Metadata":         {"az asks the resource manager", "arm.hub.example.org", "/metadata/endpoints?api-version=2022-09-01", 200},
		"Case":             {"names have no case", "ARM.HUB.example.org", "/metadata/endpoints", 200},
		"Manager":          {"resources, for those who sign in", "arm.hub.example.org", "/subscriptions", 401},
		"Discovery":        {"sign-in", "login.arc.hub.example.org", discovery, 200},
		"DiscoveryADFS":    {"sign-in in the other flavour", "login.arc.hub.example.org", "/adfs/.well-known/openid-configuration", 200},
		"Directory":        {"the graph, for those who sign in", "graph.hub.example.org", "/v1.0/servicePrincipals", 401},
		"Registry":         {"a tag list", "registry.hub.example.org", "/v2/azurearck8s/batch1/stable/v2/azure-arc-k8sagents/tags/list", 200},
		"Derived":          {"the registry that az makes up", "mcr.microsoft.hub.example.org", "/v2/azurearck8s/batch1/stable/v2/azure-arc-k8sagents/tags/list", 200},
		"DerivedADFS":      {"helm takes adfs for a part of the name", "mcr.microsoft.hub.example.org", "/v2/adfs/azurearck8s/batch1/stable/v2/azure-arc-k8sagents/tags/list", 200},
		"CheckADFS":        {"az itself takes it for a path", "mcr.microsoft.hub.example.org", "/adfs/v2/azurearck8s/batch1/stable/v2/azure-arc-k8sagents/tags/list", 200},
		"CheckADFSMain":    {"on the main host, too", "hub.example.org", "/adfs/v2/azurearck8s/batch1/stable/v2/azure-arc-k8sagents/tags/list", 200},
		"Health":           {"load balancers ask every host", "gns.hub.example.org", "/healthz", 200},
		"LoginOnManager":   {"the resource manager signs nobody in", "arm.hub.example.org", discovery, 404},
		"ManagerOnLogin":   {"subscriptions is a tenant here, and unknown", "login.arc.hub.example.org", "/subscriptions/v2.0/.well-known/openid-configuration", 400},
		"ManagerOnGraph":   {"the directory has no resources", "graph.hub.example.org", "/subscriptions", 404},
		"MetricsElsewhere": {"metrics are the main host's", "arm.hub.example.org", "/metrics", 404},
		"Main":             {"the main host has everything", "hub.example.org", discovery, 200},
		"Unknown":          {"unknown names are answered as the main host", "localhost", discovery, 200},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if status, document := on.at(t, c.host, c.path); status != c.status {
				t.Errorf("%s: %d %v, want %d", c.reason, status, document, c.status)
			}
		})
	}
}

func TestMetadataNamesTheHostsToThoseWhoAskThere(t *testing.T) {
	on := startForAz(t)
	port := on.URL[strings.LastIndexByte(on.URL, ':'):]
	_, main := on.at(t, "hub.example.org", "/metadata/endpoints")
	if main["resourceManager"] != on.URL {
		t.Errorf("the hub's own URL is one host for everything, not %v", main["resourceManager"])
	}
	_, forAz := on.at(t, "arm.hub.example.org", "/metadata/endpoints")
	login, _ := forAz["authentication"].(map[string]any)
	planes, _ := forAz["dataplaneEndpoints"].(map[string]any)
	suffixes, _ := forAz["suffixes"].(map[string]any)
	for what, pair := range map[string][2]any{
		"resource manager": {forAz["resourceManager"], "https://arm.hub.example.org" + port},
		"sign-in":          {login["loginEndpoint"], "https://login.arc.hub.example.org" + port},
		"directory":        {forAz["microsoftGraphResourceId"], "https://graph.hub.example.org" + port},
		"data plane":       {planes["arcConfigEndpoint"], "https://dp.hub.example.org" + port},
		"relays":           {suffixes["relayEndpointSuffix"], ".relay.hub.example.org"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s at %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestSignInFlavourADFS(t *testing.T) {
	on := startForAz(t, func(c *hub.Config) { c.AzLogin = "adfs" })
	for _, host := range []string{"hub.example.org", "arm.hub.example.org"} {
		_, document := on.at(t, host, "/metadata/endpoints")
		login, _ := document["authentication"].(map[string]any)
		if text, _ := login["loginEndpoint"].(string); !strings.HasSuffix(text, "/adfs") {
			t.Errorf("%s announces %q", host, text)
		}
	}
}

func TestLinksStayOnTheHostAndNeverRepeatAHeader(t *testing.T) {
	on := startForAz(t)
	cases := map[string]struct{ reason, host, want string }{
		"Login":   {"MSAL stays where it was sent", "login.arc.hub.example.org", "https://login.arc.hub.example.org:"},
		"Foreign": {"a forged Host header gets the hub's own URL", "evil.example.net", on.URL},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, on.URL+"/organizations/v2.0/.well-known/openid-configuration", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host + on.URL[strings.LastIndexByte(on.URL, ':'):]
			_, document := on.send(t, request)
			if text, _ := document["token_endpoint"].(string); !strings.HasPrefix(text, c.want) {
				t.Errorf("%s: %s", c.reason, text)
			}
		})
	}
}

func TestHubListensOnEveryAddress(t *testing.T) {
	on := startForAz(t)
	if !strings.Contains(on.log.String(), "also listening") {
		t.Error("the log does not say where else the hub listens")
	}
	if _, err := hub.New(t.Context(), hub.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", AlsoListen: []string{"nowhere"}}); err == nil || !strings.Contains(err.Error(), "--also-listen") {
		t.Errorf("a wrong address: %v", err)
	}
}

// TestCertificatePassesOpenSSLStrictly asks a client that checks as newer Pythons do.
func TestCertificatePassesOpenSSLStrictly(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl")
	}
	on := startForAz(t)
	port := on.URL[strings.LastIndexByte(on.URL, ':'):]
	for _, host := range []string{"arm.hub.example.org", "login.arc.hub.example.org", "mcr.microsoft.hub.example.org", "x.relay.hub.example.org", "other.hub.example.org", "hub.example.org"} {
		command := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", "127.0.0.1"+port, "-servername", host, "-verify_hostname", host,
			"-x509_strict", "-verify_return_error", "-CAfile", on.CAFile)
		command.Stdin = strings.NewReader("")
		if output, err := command.CombinedOutput(); err != nil || !strings.Contains(string(output), "Verify return code: 0") {
			t.Errorf("%s: %v\n%s", host, err, output)
		}
	}
}
