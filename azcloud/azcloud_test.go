package azcloud_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/azcloud"
)

func TestRegistryOf(t *testing.T) {
	cases := map[string]struct{ reason, login, want string }{
		"Five":      {"az invents a registry in the domain", "https://login.arc.hub.example.org", "mcr.microsoft.hub.example.org"},
		"FiveSlash": {"a slash at the end is dropped", "https://login.arc.hub.example.org/", "mcr.microsoft.hub.example.org"},
		"FiveADFS":  {"the path stays", "https://login.arc.hub.example.org/adfs", "mcr.microsoft.hub.example.org/adfs"},
		"Port":      {"so does a port, with which nothing works", "https://login.arc.hub.example.org:8443", "mcr.microsoft.hub.example.org:8443"},
		"Four":      {"four labels are a sovereign cloud's only with microsoft in the third", "https://login.arc.example.org", "mcr.microsoft.com"},
		"Microsoft": {"as here", "https://login.a.microsoft.scloud", "mcr.microsoft.scloud"},
		"Three":     {"too short", "https://hub.example.org/adfs", "mcr.microsoft.com"},
		"China":     {"known clouds are not derived", "https://login.arc.hub.example.cn", "mcr.microsoft.com"},
		"Six":       {"too long", "https://login.arc.a.hub.example.org", "mcr.microsoft.com"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := azcloud.RegistryOf(c.login); got != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
			}
		})
	}
}

func TestCheckDomain(t *testing.T) {
	cases := map[string]struct {
		reason, domain string
		good           bool
	}{
		"Good":    {"three labels", "hub.example.org", true},
		"Two":     {"az works with two labels, with limits", "example.org", true},
		"One":     {"no certificate covers *.org", "hub", false},
		"Address": {"nothing is below an address", "192.0.2.7", false},
		"Upper":   {"one spelling in all links", "Hub.example.org", false},
		"Port":    {"a name, not an address to connect to", "hub.example.org:443", false},
		"URL":     {"a name, not a URL", "https://hub.example.org", false},
		"Dot":     {"no empty labels", "hub.example.org.", false},
		"Star":    {"no wildcards", "*.example.org", false},
		"Long":    {"names have an end", strings.Repeat("a.", 120) + "org", false},
		"Empty":   {"a domain has a name", "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := azcloud.CheckDomain(c.domain); (err == nil) != c.good {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

func TestCloudNamesItsHosts(t *testing.T) {
	cloud := azcloud.Cloud{URL: "https://hub.example.org:8443", Domain: "hub.example.org", Login: azcloud.ADFS}
	if got := cloud.Base(azcloud.ResourceManager); got != "https://arm.hub.example.org" {
		t.Errorf("resource manager at %s", got)
	}
	if got := cloud.LoginEndpoint(); got != "https://login.arc.hub.example.org/adfs" {
		t.Errorf("sign-in at %s", got)
	}
	if got := cloud.At(azcloud.Main).LoginEndpoint(); got != "https://hub.example.org:8443/adfs" {
		t.Errorf("sign-in on the main host at %s", got)
	}
	cloud.Port = "8443"
	if got := cloud.Base(azcloud.Graph); got != "https://graph.hub.example.org:8443" {
		t.Errorf("directory at %s", got)
	}
	if hosts := cloud.Hosts(); !slices.Contains(hosts, "mcr.microsoft.hub.example.org") || !slices.Contains(hosts, "hub.example.org") {
		t.Errorf("hosts %v", hosts)
	}
}

func FuzzRegistryOf(f *testing.F) {
	f.Add("https://login.arc.hub.example.org/adfs")
	f.Add("...")
	f.Add("")
	f.Fuzz(func(t *testing.T, login string) {
		if !strings.HasPrefix(azcloud.RegistryOf(login), "mcr.microsoft.") {
			t.Error("a registry that az would never derive")
		}
	})
}
