package connect

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func TestUnusableProxiesAreRefusedBeforeAnythingHappens(t *testing.T) {
	cases := map[string]struct {
		reason string
		proxy  Proxy
		good   bool
	}{
		"None":         {"a proxy is not needed", Proxy{}, true},
		"Plain":        {"the usual", Proxy{HTTPS: "http://proxy:3128", HTTP: "http://proxy:3128", Skip: "10.0.0.0/8,.svc,kubernetes.default.svc,192.0.2.7,Arc,*.example.org"}, true},
		"Password":     {"with user and password", Proxy{HTTPS: "http://user:p%40ss@proxy:3128/"}, true},
		"Everything":   {"a star is everything", Proxy{Skip: "*"}, true},
		"IPv6":         {"addresses and ranges of version 6", Proxy{Skip: "2001:db8::/32,2001:db8::1,[2001:db8::2]:443"}, true},
		"Port":         {"with a port", Proxy{Skip: "hub.example.org:8443"}, true},
		"NoScheme":     {"agents would go directly", Proxy{HTTPS: "user:s3cret@proxy:3128"}, false},
		"BadEscape":    {"what cannot be parsed is not shown", Proxy{HTTPS: "http://user:s3cret%zz@proxy:3128"}, false},
		"OtherScheme":  {"no client speaks it", Proxy{HTTP: "ftp://user:s3cret@proxy"}, false},
		"Path":         {"a proxy has none", Proxy{HTTPS: "http://user:s3cret@proxy/x"}, false},
		"BadRange":     {"it would match nothing", Proxy{Skip: "10.0.0.0/33"}, false},
		"URL":          {"it would match nothing", Proxy{Skip: "https://hub.example.org"}, false},
		"Blanks":       {"names have none", Proxy{Skip: "a b"}, false},
		"StarInMiddle": {"no client understands that", Proxy{Skip: "hub.*.org"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.proxy.Validate()
			if (err == nil) != c.good || err != nil && fairlead.KindOf(err) != fairlead.Invalid {
				t.Errorf("%v: %s", err, c.reason)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

func FuzzProxyValidate(f *testing.F) {
	f.Add("http://user:pass@proxy:3128", "10.0.0.0/8,.svc,Arc")
	f.Add("%zz", "[::1],a/b")
	f.Fuzz(func(t *testing.T, address, skip string) {
		err := Proxy{HTTPS: client.Secret(address), Skip: skip}.Validate()
		if err != nil && len(address) > 20 && !strings.Contains(skip, address) && strings.Contains(err.Error(), address) {
			t.Errorf("the address is shown: %v", err)
		}
	})
}
