package cli

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func TestSettingsOfAFile(t *testing.T) {
	cases := map[string]struct {
		reason, content string
		want            map[string]string
		wrong           string
	}{
		"Texts":    {"as az has it", `{"a.b": "x", "c": ""}`, map[string]string{"a.b": "x", "c": ""}, ""},
		"Scalars":  {"numbers stay as they are written", `{"v": 1.10, "on": true, "off": null}`, map[string]string{"v": "1.10", "on": "true", "off": "null"}, ""},
		"Nested":   {"values are told apart from their keys only", `{"a": {"b": "hush"}}`, nil, "a.NAME"},
		"Empty":    {"az refuses it, too", `{}`, nil, "no setting"},
		"NoObject": {"a list is no settings", `["hush"]`, nil, "not a JSON object"},
		"Two":      {"a second document would be lost", `{"a":"b"}{"c":"hush"}`, nil, "after top-level value"},
		"NoKey":    {"a setting needs a name", `{"": "hush"}`, nil, "no key"},
		"YAML":     {"a values file is no settings file", "a: hush\n", nil, "line 1, column 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseSettings([]byte(c.content))
			switch {
			case c.wrong == "" && (err != nil || !maps.Equal(got, c.want)):
				t.Errorf("%s: got %v, %v", c.reason, got, err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "hush")):
				t.Errorf("%s: got %v, %v", c.reason, got, err)
			}
		})
	}
}

func FuzzParseSettings(f *testing.F) {
	for _, seed := range []string{`{"a.b":"c"}`, `{"a":1e400}`, `{"a":{"b":1}}`, `{`, `{"a":"\u0000"}`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		found, err := parseSettings(content)
		if err == nil && len(found) == 0 || err != nil && found != nil {
			t.Errorf("%q gives %v and %v", content, found, err)
		}
	})
}

func TestProtectedSettingsAreNeverQuoted(t *testing.T) {
	_, err := pairSettings(protectedFlag, []string{"a=b", "hush"})
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "word 2") {
		t.Errorf("got %v", err)
	}
}

func TestAnUpdateRemovesSettings(t *testing.T) {
	given := settings{map[string]string{"a": "b"}, map[string]string{}}
	cases := map[string]struct {
		reason string
		remove removals
		plain  map[string]any
		secret map[string]any
		wrong  string
	}{
		"Nothing":   {"settings that are not named stay", removals{}, map[string]any{"a": "b"}, map[string]any{}, ""},
		"Both":      {"null removes in a merge patch", removals{[]string{"image.tag", "x"}, []string{"token"}}, map[string]any{"a": "b", "image.tag": nil, "x": nil}, map[string]any{"token": nil}, ""},
		"Set":       {"which of both is meant", removals{plain: []string{"a"}}, nil, nil, "a is set and removed"},
		"WithValue": {"a value may be a secret", removals{protected: []string{"x", "token=hush"}}, nil, nil, "word 2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			plain, secret, err := c.remove.patch(given)
			switch {
			case c.wrong == "" && (err != nil || !maps.Equal(plain, c.plain) || !maps.Equal(secret, c.secret)):
				t.Errorf("%s: %v, %v, %v", c.reason, plain, secret, err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "hush")):
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

func TestTheFlagsOfAzAreThere(t *testing.T) {
	names := []string{
		"resource-group", "cluster-name", "cluster-type", "name", "release-train", "version", "auto-upgrade-minor-version", "auto-upgrade",
		"configuration-settings", "config", "config-settings", "configuration-settings-file", "config-file", "config-settings-file",
		"configuration-protected-settings", "config-protected", "config-protected-settings",
		"configuration-protected-settings-file", "config-protected-file", "config-protected-settings-file",
		"cluster-resource-provider", "cluster-rp", "no-wait",
	}
	only := map[string][]string{
		"create": append(names, "extension-type", "scope", "release-namespace", "target-namespace", "plan-name", "plan-product", "plan-publisher"),
		"update": append(names, "yes"), "delete": {"resource-group", "cluster-name", "cluster-type", "name", "force", "no-wait", "yes", "cluster-rp"},
		"show": {"resource-group", "cluster-name", "cluster-type", "name", "cluster-rp"}, "list": {"resource-group", "cluster-name", "cluster-type", "cluster-rp"},
	}
	group := newExtensionCommand(&session{})
	for use, flags := range only {
		at := slices.IndexFunc(group.Commands(), func(c *cobra.Command) bool { return c.Name() == use })
		for _, flag := range flags {
			if at < 0 || group.Commands()[at].Flags().Lookup(flag) == nil {
				t.Errorf("%s lacks --%s", use, flag)
			}
		}
	}
}

func TestWhatAnExtensionIsAskedFor(t *testing.T) {
	yes, no := true, false
	cases := map[string]struct {
		reason string
		flags  extensionWriteFlags
		wrong  string
		want   map[string]any // in properties
	}{
		"Plain":         {"the hub chooses", extensionWriteFlags{}, "", map[string]any{"version": nil, "autoUpgradeMinorVersion": nil, "scope": nil}},
		"Pinned":        {"who names a version wants that one", extensionWriteFlags{version: "1.0.0"}, "", map[string]any{"version": "1.0.0", "autoUpgradeMinorVersion": false}},
		"PinnedSo":      {"and may say so", extensionWriteFlags{version: "1.0.0", autoUpgrade: &no}, "", map[string]any{"autoUpgradeMinorVersion": false}},
		"PinnedAndNot":  {"az refuses both", extensionWriteFlags{version: "1.0.0", autoUpgrade: &yes}, "--auto-upgrade-minor-version", nil},
		"WrongScope":    {"there are two", extensionWriteFlags{scope: "planet"}, "--scope", nil},
		"ClusterTarget": {"a cluster has no target", extensionWriteFlags{scope: "cluster", targetNamespace: "shop"}, "--target-namespace", nil},
		"SpaceRelease":  {"a namespace is its release's", extensionWriteFlags{scope: "Namespace", releaseNamespace: "shop"}, "--release-namespace", nil},
		"NoTarget":      {"which one", extensionWriteFlags{scope: "namespace"}, "--target-namespace", nil},
		"HalfASecond":   {"the hub counts seconds", extensionWriteFlags{timeout: time.Second / 2}, "--timeout", nil},
		"Timeout":       {"in seconds", extensionWriteFlags{timeout: time.Minute, adopt: true}, "", map[string]any{"timeoutSeconds": 60, "adopt": true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var usage *usageError
			err := c.flags.check()
			if c.wrong != "" {
				if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%s: got %v", c.reason, err)
				}
				return
			}
			properties, _ := c.flags.document(settings{})["properties"].(client.Document)
			for key, want := range c.want {
				if properties[key] != want {
					t.Errorf("%s: %s is %v, want %v", c.reason, key, properties[key], want)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAFailureIsToldWithWhatWasSeen(t *testing.T) {
	hub := fairlead.Errorf(fairlead.Conflict, "(ResourceOperationFailure) no\n  (ExtensionCreationFailed)  error: Job failed: BackoffLimitExceeded")
	err := extensionFailed(hub, &fairlead.ExtensionError{
		Code: fairlead.CauseBackoffLimit, Message: "Job failed: BackoffLimitExceeded", Target: "Job/shop/migrate", Cause: "the job gave up",
		Evidence: []string{"pod migrate-x: exit 1", "log: no \x1b[31mroute"}, Remedies: []string{"kubectl logs -n shop job/migrate"}, DoctorID: "HLM-02",
	}, " -c edge -t connectedClusters -n web")
	for _, want := range []string{
		"  Object:  Job/shop/migrate\n", "  Cause:   the job gave up\n", "  Seen:    pod migrate-x: exit 1\n           log: no [31mroute",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lacks %q:\n%s", want, err)
		}
	}
	if strings.Count(err.Error(), "BackoffLimitExceeded") != 1 || fairlead.KindOf(err) != fairlead.Conflict {
		t.Errorf("got %v", err)
	}
	if next := hint(&cobra.Command{}, err); !strings.HasPrefix(next, "kubectl logs") || !strings.Contains(next, "fairlead explain HLM-02") {
		t.Errorf("next is %q", next)
	}
}

func TestWindowsOfTheWeek(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		want         client.UpgradeWindow
		wrong        bool
	}{
		"OneDay":   {"the guide's example", "Sat 02:00 4h Europe/Berlin", client.UpgradeWindow{Days: []string{"Saturday"}, Start: "02:00", Duration: "4h0m0s", TimeZone: "Europe/Berlin"}, false},
		"EveryDay": {"no day is each", "22:30 90m UTC", client.UpgradeWindow{Start: "22:30", Duration: "1h30m0s", TimeZone: "UTC"}, false},
		"Span":     {"around the end of the week", "fri-sunday,Wed 1:00 1h UTC", client.UpgradeWindow{Days: []string{"Friday", "Saturday", "Sunday", "Wednesday"}, Start: "01:00", Duration: "1h0m0s", TimeZone: "UTC"}, false},
		"NoZone":   {"whose two o'clock", "Sat 02:00 4h", client.UpgradeWindow{}, true},
		"Local":    {"nor is the hub's meant", "Sat 02:00 4h Local", client.UpgradeWindow{}, true},
		"NoDay":    {"T may be two days", "T 02:00 4h UTC", client.UpgradeWindow{}, true},
		"Never":    {"it would never open", "02:00 0s UTC", client.UpgradeWindow{}, true},
		"TooLong":  {"longer than a week is always", "02:00 169h UTC", client.UpgradeWindow{}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := readWindows([]string{"", c.text})
			if (err != nil) != c.wrong {
				t.Fatalf("%s: got %v, %v", c.reason, got, err)
			}
			if !c.wrong && (len(got) != 1 || !slices.Equal(got[0].Days, c.want.Days) || got[0].Start != c.want.Start || got[0].Duration != c.want.Duration || got[0].TimeZone != c.want.TimeZone) {
				t.Errorf("%s: got %+v", c.reason, got)
			}
		})
	}
}

func TestWhereAChartIs(t *testing.T) {
	cases := map[string]struct{ reason, text, chart, name string }{
		"OCI":      {"the chart itself", "oci://hub.example.org:8443/charts/web/", "oci://hub.example.org:8443/charts/web", ""},
		"Classic":  {"the last part is the chart", "https://charts.example.org/stable/web", "https://charts.example.org/stable", "web"},
		"Root":     {"below the root", "https://charts.example.org/web", "https://charts.example.org", "web"},
		"Version":  {"trains say which", "oci://hub/charts/web:1.0", "", ""},
		"NoPath":   {"which chart", "oci://hub", "", ""},
		"NoScheme": {"what is it", "charts/web", "", ""},
		"Password": {"never in the address", "https://a:b@charts.example.org/web", "", ""},
		"Plain":    {"what is installed must not be changed on the way", "http://charts.example.org/web", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			chart, part, err := readChart(c.text)
			if (err == nil) != (c.chart != "") || err == nil && (chart != c.chart || part != c.name) {
				t.Errorf("%s: got %q, %q, %v", c.reason, chart, part, err)
			}
		})
	}
}

func TestPasswordsOfRegistriesComeFromTheInputOrAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	yes := true
	cases := map[string]struct {
		reason string
		flags  registryFlags
		input  string
		lent   any
		wrong  string
	}{
		"Input":      {"a line", registryFlags{username: "reader", passwordStdin: true}, "hush\n", nil, ""},
		"File":       {"without the end of its line", registryFlags{username: "reader", passwordFile: file}, "", nil, ""},
		"Lent":       {"clusters get them only when that is asked for", registryFlags{username: "reader", passwordFile: file, lend: &yes}, "", true, ""},
		"Empty":      {"no password is none", registryFlags{username: "reader", passwordStdin: true}, "", nil, "--password-stdin"},
		"NoFile":     {"the flag at fault is named", registryFlags{username: "reader", passwordFile: file + "x"}, "", nil, "--password-file"},
		"NoPassword": {"a name alone opens nothing", registryFlags{username: "reader"}, "", nil, "--password-stdin"},
		"NoName":     {"whose password", registryFlags{passwordStdin: true}, "hush", nil, "--username"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			properties := client.Document{}
			err := c.flags.into(t.Context(), &session{streams: Streams{In: strings.NewReader(c.input), Err: os.Stderr}}, properties)
			credentials, _ := properties["credentials"].(client.Document)
			switch {
			case c.wrong == "" && (err != nil || credentials["username"] != "reader" || credentials["password"] != "hush" || properties["credentialsForClusters"] != c.lent):
				t.Errorf("%s: got %v, %v", c.reason, properties, err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || credentials != nil):
				t.Errorf("%s: got %v, %v", c.reason, properties, err)
			}
		})
	}
}
