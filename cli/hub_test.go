package cli

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub"
)

func welcomeText(t *testing.T, welcome hub.Welcome) string {
	t.Helper()
	var text strings.Builder
	if err := writeWelcome(&text, welcome); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestWelcomeSaysWhatToTypeNext(t *testing.T) {
	firstStart := hub.Welcome{
		URL: "https://localhost:8443", TenantID: "tenant-1", CAFile: "/data dir/ca.crt", Fingerprint: "sha256:3f",
		Administrator: &hub.Administrator{AppID: "app-1", Secret: "fls_secret"},
	}
	inFile := firstStart
	inFile.Administrator = &hub.Administrator{AppID: "app-1", File: "/tmp/admin.json"}
	later := firstStart
	later.Administrator = nil
	publicly := firstStart
	publicly.CAFile, publicly.Fingerprint = "", ""
	cases := map[string]struct {
		reason  string
		welcome hub.Welcome
		has     []string
		lacks   []string
	}{
		"FirstStart": {
			"the secret stands alone, not in a command that a shell would remember", firstStart,
			[]string{"secret       fls_secret\n", "  fairlead login --hub https://localhost:8443 --ca-file '/data dir/ca.crt' --service-principal --username app-1\n"},
			[]string{"--password", "fls_secret "},
		},
		"File":     {"what is in a file is not shown", inFile, []string{"  fairlead login --credential-file /tmp/admin.json\n"}, []string{"secret "}},
		"Later":    {"later starts say where the hub is", later, []string{"ready at https://localhost:8443", "/data dir/ca.crt", "sha256:3f"}, []string{"login", "tenant"}},
		"Publicly": {"a certificate that everybody trusts needs no file", publicly, []string{"--hub https://localhost:8443 --service-principal"}, []string{"authority", "--ca-file"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := welcomeText(t, c.welcome)
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("%s: no %q in %s", c.reason, part, text)
				}
			}
			for _, part := range c.lacks {
				if strings.Contains(text, part) {
					t.Errorf("%s: %q in %s", c.reason, part, text)
				}
			}
		})
	}
}

func TestHubRefusesWrongSettingsAsUsage(t *testing.T) {
	var errors strings.Builder
	streams := Streams{In: strings.NewReader(""), Out: &strings.Builder{}, Err: &errors}
	code := Main(t.Context(), []string{"hub", "--data", t.TempDir(), "--listen", "nowhere", "--log-format", "xml"}, streams)
	if code != ExitUsage || !strings.Contains(errors.String(), "--listen") || !strings.Contains(errors.String(), "--log-format") {
		t.Errorf("exit code %d, %s", code, errors.String())
	}
}
