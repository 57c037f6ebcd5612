package origin_test

import (
	"slices"
	"testing"

	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/origin"
)

func known() *origin.Hosts {
	return origin.New(azcloud.Cloud{URL: "https://hub.example.org:8443", Domain: "hub.example.org"}, "8443", "443")
}

func TestFind(t *testing.T) {
	cases := map[string]struct {
		reason, header, want string
		role                 azcloud.Role
	}{
		"ResourceManager": {"443 goes without saying", "arm.hub.example.org", "https://arm.hub.example.org", azcloud.ResourceManager},
		"Named443":        {"said all the same", "arm.hub.example.org:443", "https://arm.hub.example.org", azcloud.ResourceManager},
		"OtherPort":       {"the port that is open to this client", "arm.hub.example.org:8443", "https://arm.hub.example.org:8443", azcloud.ResourceManager},
		"StrangePort":     {"a port that the hub does not have", "arm.hub.example.org:1", "https://arm.hub.example.org", azcloud.ResourceManager},
		"Case":            {"names have no case", "ARM.Hub.Example.ORG", "https://arm.hub.example.org", azcloud.ResourceManager},
		"Dot":             {"a name may end in a dot", "login.arc.hub.example.org.", "https://login.arc.hub.example.org", azcloud.Login},
		"Main":            {"the hub's own URL", "hub.example.org:8443", "https://hub.example.org:8443", azcloud.Main},
		"Main443":         {"by its other port", "hub.example.org", "https://hub.example.org", azcloud.Main},
		"Registry":        {"the registry that az derives", "mcr.microsoft.hub.example.org", "https://mcr.microsoft.hub.example.org", azcloud.DerivedRegistry},
		"Deeper":          {"only known names", "x.arm.hub.example.org", "", ""},
		"Foreign":         {"never what the client says", "evil.example.net", "", ""},
		"Garbage":         {"whatever it is", "a:b:c/[", "", ""},
		"None":            {"HTTP/1.0 has none", "", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found, ok := known().Find(c.header)
			if found.URL != c.want || found.Role != c.role || ok != (c.want != "") {
				t.Errorf("%s: got %+v %v", c.reason, found, ok)
			}
		})
	}
}

func TestHubOfOneHost(t *testing.T) {
	hosts := origin.New(azcloud.Cloud{URL: "https://[2001:db8::1]:8443"}, "8443", "443")
	for header, want := range map[string]string{"[2001:db8::1]:8443": "https://[2001:db8::1]:8443", "[2001:db8::1]": "https://[2001:db8::1]"} {
		if found, ok := hosts.Find(header); !ok || found.URL != want || found.Role != azcloud.Main {
			t.Errorf("%s: %+v %v", header, found, ok)
		}
	}
	if _, ok := hosts.Find("arm.hub.example.org"); ok {
		t.Error("a hub without a domain has no other hosts")
	}
}

func TestURL(t *testing.T) {
	if got := origin.URL(t.Context(), "https://main"); got != "https://main" {
		t.Errorf("an unknown host gets links to the main one, not %s", got)
	}
	ctx := origin.With(t.Context(), origin.Origin{Role: azcloud.Graph, URL: "https://graph"})
	if got := origin.URL(ctx, "https://main"); got != "https://graph" {
		t.Errorf("got %s", got)
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{"arm.hub.example.org", "HUB.example.org:8443", "[::1]:443", "a:b:c", "\x00", "graph.hub.example.org\n.evil"} {
		f.Add(seed)
	}
	cloud := azcloud.Cloud{URL: "https://hub.example.org:8443", Domain: "hub.example.org"}
	var good []string
	for _, role := range append(azcloud.Roles(), azcloud.Main) {
		good = append(good, "https://"+cloud.Host(role), "https://"+cloud.Host(role)+":8443")
	}
	f.Fuzz(func(t *testing.T, header string) {
		if found, ok := known().Find(header); ok && !slices.Contains(good, found.URL) {
			t.Errorf("%q led to %q", header, found.URL)
		}
	})
}
