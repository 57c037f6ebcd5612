package hub_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/fairlead/fairlead/hub"
)

func TestLoadTakesFlagsOverEnvironmentOverFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.yaml")
	text := "data: /file\nlisten: :1111\nlogLevel: debug\nlocations: [file]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"FAIRLEAD_HUB_LISTEN": ":2222", "FAIRLEAD_HUB_LOCATION": "here,there", "FAIRLEAD_HUB_URL": "https://env"}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	flags := pflag.NewFlagSet("hub", pflag.ContinueOnError)
	shown := hub.Defaults()
	shown.Bind(flags)
	if err := flags.Parse([]string{"--url", "https://flag", "--location", "one", "--location", "two"}); err != nil {
		t.Fatal(err)
	}
	config, err := hub.Load(file, lookup, flags)
	if err != nil {
		t.Fatal(err)
	}
	if config.Data != "/file" || config.LogLevel != "debug" || config.Listen != ":2222" || config.URL != "https://flag" || config.LogFormat != "text" {
		t.Errorf("got %+v", config)
	}
	if !slices.Equal(config.Locations, []string{"one", "two"}) {
		t.Errorf("locations %v: a list that is given replaces the one before", config.Locations)
	}
}

func TestLoadRefusesWhatNobodyUnderstands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(file, []byte("lissten: :1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nothing := func(string) (string, bool) { return "", false }
	flags := pflag.NewFlagSet("hub", pflag.ContinueOnError)
	if _, err := hub.Load(file, nothing, flags); err == nil || !strings.Contains(err.Error(), "lissten") {
		t.Errorf("a misspelt key: %v", err)
	}
	if _, err := hub.Load(file+".absent", nothing, flags); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestValidateReportsEverythingAtOnce(t *testing.T) {
	config := hub.Config{
		Listen: "8443", URL: "http://hub/x?y", TLSCert: "only.crt", Locations: []string{"west europe"}, LogLevel: "loud", LogFormat: "xml",
	}
	err := config.Validate()
	for _, flag := range []string{"--data", "--listen", "--url", "--tls-cert", "--location", "--log-level", "--log-format", "--az-login"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("nothing is said of %s: %v", flag, err)
		}
	}
}

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*hub.Config)
		want   string
	}{
		"Defaults":   {"the defaults are good", func(*hub.Config) {}, ""},
		"AnyPort":    {"the system may choose the port", func(c *hub.Config) { c.Listen = "127.0.0.1:0" }, ""},
		"Slash":      {"a slash at the end does no harm", func(c *hub.Config) { c.URL = "https://hub.example.org/" }, ""},
		"BigPort":    {"ports end at 65535", func(c *hub.Config) { c.Listen = ":70000" }, "port number"},
		"Path":       {"addresses are made by appending a path", func(c *hub.Config) { c.URL = "https://hub/arc" }, "only"},
		"User":       {"no credentials in a URL that is published", func(c *hub.Config) { c.URL = "https://a:b@hub" }, "only"},
		"NoHost":     {"a URL has a host", func(c *hub.Config) { c.URL = "https://:8443" }, "https URL"},
		"NoLocation": {"resources need a location", func(c *hub.Config) { c.Locations = nil }, "at least one"},
		"Domain":     {"az finds the hub below it", func(c *hub.Config) { c.Domain = "hub.example.org" }, ""},
		"NoDomain":   {"a URL is no domain", func(c *hub.Config) { c.Domain = "https://hub.example.org" }, "--domain"},
		"SameHost":   {"the hub's own URL serves more than a host for az", func(c *hub.Config) { c.Domain, c.URL = "example.org", "https://ARM.example.org" }, "--url"},
		"Flavour":    {"az knows two forms of sign-in", func(c *hub.Config) { c.AzLogin = "ldap" }, "--az-login"},
		"OtherPort":  {"every address is checked", func(c *hub.Config) { c.AlsoListen = []string{"443"} }, "--also-listen"},
		"KeyOnly":    {"half a certificate", func(c *hub.Config) { c.TLSKey = "x" }, "both or neither"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := hub.Defaults()
			c.change(&config)
			err := config.Validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}
