package settings_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/settings"
)

// direct reports whether agents with a skip range reach the hub at an address without the proxy.
func direct(t *testing.T, skip, hub string) bool {
	t.Helper()
	read, err := settings.FromEnvironment(environment(map[string]string{settings.ProxyNone: skip, fairlead.KeyDataPlane: hub}))
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(hub)
	if err != nil {
		t.Fatal(err)
	}
	config := httpproxy.Config{HTTPSProxy: read.Proxy.HTTPS, NoProxy: read.Proxy.None}
	proxy, err := config.ProxyFunc()(address)
	if err != nil {
		t.Fatal(err)
	}
	return proxy == nil
}

func TestSkipRange(t *testing.T) {
	const services = "10.96.0.0/16,kubernetes.default.svc,.svc.cluster.local,.svc"
	cases := map[string]struct {
		reason, skip, hub string
		direct            bool
	}{
		"Nothing":       {"the proxy is for the hub", "", "https://hub.example.org:8443", false},
		"Services":      {"the ranges of Kubernetes' services are not the hub's", services, "https://hub.example.org:8443", false},
		"ServiceOfHub":  {"a hub can be a service of its own cluster", services, "https://fairlead.hub.svc:8443", true},
		"ServiceRange":  {"or an address among them", services, "https://10.96.3.7:8443", true},
		"OtherRange":    {"an address outside", services, "https://10.97.0.1:8443", false},
		"Address":       {"one address", "192.0.2.7", "https://192.0.2.7:8443", true},
		"AddressPort":   {"a port narrows it", "192.0.2.7:443", "https://192.0.2.7:8443", false},
		"Range6":        {"IPv6, too", "2001:db8::/32", "https://[2001:db8::7]:8443", true},
		"Name":          {"a name", "hub.example.org", "https://hub.example.org:8443", true},
		"Suffix":        {"all names below one", ".example.org", "https://hub.example.org:8443", true},
		"SuffixNotSelf": {"a dot leaves the name itself out", ".example.org", "https://example.org:8443", false},
		"Star":          {"as some write it", "*.example.org", "https://hub.example.org:8443", true},
		"Case":          {"names have no case", "Hub.Example.ORG", "https://hub.example.org:8443", true},
		"Arc":           {"the keyword is the hub", "10.0.0.0/8,Arc", "https://hub.example.org:8443", true},
		"arc":           {"in any case, and with blanks", " 10.0.0.0/8 , arc ", "https://192.0.2.7:8443", true},
		"ArcInName":     {"a word in a name is not the keyword", "arc.example.org", "https://hub.example.org:8443", false},
		"Everything":    {"a proxy for nothing", "*", "https://hub.example.org:8443", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := direct(t, c.skip, c.hub); got != c.direct {
				t.Errorf("direct is %v: %s", got, c.reason)
			}
		})
	}
}

func FuzzSkipRange(f *testing.F) {
	f.Add("10.0.0.0/8, Arc;.svc")
	f.Add("[::1]:443,*,,")
	f.Fuzz(func(t *testing.T, said string) {
		read, err := settings.FromEnvironment(environment(map[string]string{settings.ProxyNone: said}))
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(read.Proxy.None, ",") {
			if strings.EqualFold(part, "arc") {
				t.Errorf("the keyword is left in %q", read.Proxy.None)
			}
		}
		config := httpproxy.Config{HTTPSProxy: "http://proxy:3128", NoProxy: read.Proxy.None}
		if _, err := config.ProxyFunc()(&url.URL{Scheme: "https", Host: "hub:8443"}); err != nil {
			t.Error(err)
		}
	})
}
