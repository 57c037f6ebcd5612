package azcloud_test

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead/azcloud"
)

func linesOf(setup azcloud.Setup) string {
	var text strings.Builder
	for _, step := range setup.Steps {
		text.WriteString(strings.Join(step.Lines, "\n") + "\n")
	}
	return text.String()
}

func TestPlanOfTheThreeSetUps(t *testing.T) {
	const main = "https://hub.example.org"
	facts := azcloud.Facts{Name: "fairlead", TenantID: "tenant-1", AppID: "app-1", CAFile: "/data dir/ca.crt", Address: "192.0.2.7"}
	cases := map[string]struct {
		reason     string
		cloud      azcloud.Cloud
		has, lacks []string
	}{
		"Address": {
			"an address needs no name",
			azcloud.Cloud{URL: "https://192.0.2.7", Login: azcloud.ADFS},
			[]string{"--endpoint-resource-manager https://192.0.2.7\n"},
			[]string{"192.0.2.7  ", "HUB_ADDRESS"},
		},
		"Entra": {
			"the plain sign-in needs a setting, and the derived registry gives the rest",
			azcloud.Cloud{URL: main, Domain: "hub.example.org", Login: azcloud.Entra},
			[]string{
				"192.0.2.7  hub.example.org arm.hub.example.org", "mcr.microsoft.hub.example.org", "'/data dir/ca.crt'", "REQUESTS_CA_BUNDLE='/data dir/ca-bundle.pem'", "SSL_CERT_FILE=",
				"az cloud register -n fairlead --endpoint-resource-manager https://arm.hub.example.org\n", "az cloud set -n fairlead", "core.instance_discovery=false",
				`az login --service-principal -u app-1 -p "$SECRET" --tenant tenant-1`, "KUBECTL_CLIENT_PATH", "registry push-file",
			},
			[]string{"AZURE_LOCAL_DISCONNECTED", "HELM_CLIENT_PATH"},
		},
		"ADFS": {
			"adfs needs no setting",
			azcloud.Cloud{URL: main, Domain: "hub.example.org", Login: azcloud.ADFS},
			[]string{"https://arm.hub.example.org\n", "KUBECTL_CLIENT_PATH"},
			[]string{"instance_discovery", "AZURE_LOCAL_DISCONNECTED"},
		},
		"OneHost": {
			"one host is enough with three variables",
			azcloud.Cloud{URL: main, Login: azcloud.ADFS},
			[]string{"192.0.2.7  hub.example.org\n", "--endpoint-resource-manager https://hub.example.org\n", "AZURE_LOCAL_DISCONNECTED=true", "HELM_CLIENT_PATH", "KUBECTL_CLIENT_PATH"},
			[]string{"instance_discovery", "arm.hub"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			setup := azcloud.Plan(c.cloud, facts)
			text := linesOf(setup)
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("%s: no %q in\n%s", c.reason, part, text)
				}
			}
			for _, part := range c.lacks {
				if strings.Contains(text, part) {
					t.Errorf("%s: %q in\n%s", c.reason, part, text)
				}
			}
			if len(setup.Warnings) != 0 {
				t.Errorf("warnings %+v", setup.Warnings)
			}
		})
	}
}

func TestPlanWarns(t *testing.T) {
	cases := map[string]struct {
		reason string
		cloud  azcloud.Cloud
		name   string
		want   string
	}{
		"Localhost":  {"az counts labels", azcloud.Cloud{URL: "https://localhost"}, "", "index error"},
		"TwoLabels":  {"az counts labels", azcloud.Cloud{URL: "https://hub.lan"}, "", "three labels"},
		"Address":    {"an address has four parts, and works", azcloud.Cloud{URL: "https://192.0.2.7"}, "", ""},
		"Port":       {"az cuts names at colons", azcloud.Cloud{URL: "https://hub.example.org:8443"}, "", "--url https://hub.example.org --listen :443"},
		"DomainPort": {"on the hosts of the domain as well", azcloud.Cloud{URL: "https://hub.example.org:8443", Domain: "hub.example.org", Port: "8443"}, "", "--also-listen :443"},
		"FourLabels": {"no registry is derived", azcloud.Cloud{URL: "https://a.hub.example.org", Domain: "a.hub.example.org"}, "", "has 4"},
		"America":    {"names that az takes for Microsoft's", azcloud.Cloud{URL: "https://hub.example.us", Domain: "hub.example.us"}, "", ".us or .cn"},
		"Name":       {"clouds that az knows", azcloud.Cloud{URL: "https://hub.example.org"}, "USSec", "--name"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for _, warning := range azcloud.Plan(c.cloud, azcloud.Facts{Name: c.name}).Warnings {
				text.WriteString(warning.What + " " + warning.Why + " " + warning.Next + "\n")
			}
			if got := text.String(); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%s: %q does not say %q", c.reason, got, c.want)
			}
		})
	}
}

// What az reads is still there after a cd.
func TestAFileWithoutAFolderIsNamedFromWhereItIs(t *testing.T) {
	text := linesOf(azcloud.Plan(azcloud.Cloud{URL: "https://hub.example.org"}, azcloud.Facts{CAFile: "hub-ca.crt"}))
	if want := `export REQUESTS_CA_BUNDLE="$PWD"/hub-ca-bundle.pem SSL_CERT_FILE="$PWD"/hub-ca-bundle.pem`; !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
}
