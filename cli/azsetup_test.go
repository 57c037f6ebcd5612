package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/azcloud"
)

// typed runs a command and returns its exit code and what it wrote.
func typed(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var written, failed strings.Builder
	code = Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &written, Err: &failed})
	return code, written.String(), failed.String()
}

func TestAzSetupOfAHubThatIsDescribed(t *testing.T) {
	code, out, problems := typed(t, "hub", "az-setup", "--domain", "hub.invalid.example", "--data", "/var/lib/fairlead")
	for _, want := range []string{
		"#   HUB_ADDRESS  hub.invalid.example arm.hub.invalid.example", "cat /etc/ssl/certs/ca-certificates.crt /var/lib/fairlead/ca.crt",
		"az cloud register -n fairlead --endpoint-resource-manager https://arm.hub.invalid.example\n",
	} {
		if code != ExitOK || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in %s%s", code, want, out, problems)
		}
	}
}

func TestAzSetupAsJSONWarns(t *testing.T) {
	code, out, problems := typed(t, "hub", "az-setup", "--url", "https://hub.invalid:8443", "--az-login", "adfs", "-o", "json")
	var setup azcloud.Setup
	if err := json.Unmarshal([]byte(out), &setup); code != ExitOK || err != nil {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, problems)
	}
	if len(setup.Warnings) != 2 || setup.LoginEndpoint != "https://hub.invalid:8443/adfs" {
		t.Errorf("%+v", setup)
	}
}

func TestAzSetupRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		want   string
	}{
		"Domain":    {"a URL is no domain", []string{"--domain", "https://hub.example.org"}, ExitUsage, "--domain"},
		"URL":       {"az speaks https only", []string{"--url", "http://hub.example.org"}, ExitUsage, "--url"},
		"Login":     {"two flavours", []string{"--url", "https://hub.example.org", "--az-login", "ldap"}, ExitUsage, "adfs"},
		"AnyLogin":  {"without a description, too", []string{"--az-login", "foo"}, ExitUsage, "neither entra nor adfs"},
		"SignedOut": {"without a description there must be a hub", nil, ExitFailed, "fairlead login"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, out, problems := typed(t, append([]string{"hub", "az-setup"}, c.args...)...)
			if code != c.code || !strings.Contains(problems, c.want) {
				t.Errorf("%s: exit code %d, %s%s", c.reason, code, out, problems)
			}
		})
	}
}
