package dataplane_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/fairlead/fairlead"
)

// settings asks for the Helm settings of a cluster with the given agentry configurations.
func (b *bench) settings(t *testing.T, id, configurations string) (values map[string]string, path string) {
	t.Helper()
	body := []byte(`{"id":"` + id + `","location":"ignored","properties":{"arcAgentryConfigurations":` + configurations + `}}`)
	status, text := b.post(t, "/azure-arc-k8sagents/GetHelmSettings?api-version=2024-07-01-preview&releaseTrain=stable", body, nil)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	var answer struct {
		RepositoryPath string         `json:"repositoryPath"`
		Values         map[string]any `json:"helmValuesContent"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	for name, value := range answer.Values {
		written, ok := value.(string)
		if !ok {
			t.Errorf("%s is a %T; az crashes on anything but a string", name, value)
		}
		values[name] = written
	}
	return values, answer.RepositoryPath
}

func TestHelmSettingsSayAllThatTheChartNeeds(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	values, path := b.settings(t, strings.ToUpper(a.id.String()), "[]")
	want := map[string]string{
		"global.subscriptionId": a.id.Subscription, "global.resourceGroupName": "Shops", "global.resourceName": "edge-1",
		"global.location": "local", "global.tenantId": "tenant", "global.hubCA": base64.StdEncoding.EncodeToString([]byte(b.Trust().Certificates)),
		"systemDefaultValues.azureArcAgents.config_dp_endpoint_override": "https://hub.example.org:8443",
		"systemDefaultValues.image.repository":                           "hub.example.org:8443",
	}
	if len(values) != len(want) {
		t.Errorf("values %v, want %v", values, want)
	}
	for name, value := range want {
		if values[name] != value {
			t.Errorf("%s is %q, want %q", name, values[name], value)
		}
	}
	if path != "hub.example.org:8443/azurearck8s/batch1/stable/azure-arc-k8sagents:"+fairlead.Version {
		t.Errorf("repository path %q", path)
	}
}

func TestPlaceholdersAreOnlyForNamedProtectedSettings(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	values, _ := b.settings(t, a.id.String(), `[{"feature":"logging","settings":{"level":"debug"}},
		{"feature":"proxy","settings":{},"protectedSettings":{"https_proxy":"redacted:proxy:https_proxy","no_proxy":"x","other":"y"}}]`)
	want := map[string]string{"global.httpsProxy": "redacted:proxy:https_proxy", "global.noProxy": "redacted:proxy:no_proxy"}
	for name, value := range values {
		if strings.Contains(value, "redacted") != (want[name] != "") || want[name] != "" && value != want[name] {
			t.Errorf("%s is %q, want %q", name, value, want[name])
		}
	}
	for name := range want {
		if _, ok := values[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if values["global.isProxyEnabled"] != "true" {
		t.Errorf("global.isProxyEnabled is %q", values["global.isProxyEnabled"])
	}
}

func TestValuesSurviveHelm(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "redacted-edge")
	for _, location := range []string{"a,b", `a\b`, "{a}", "[0]", "a=b", "redacted", "unredacted:proxy:x", "a,redacted\\,"} {
		b.put(t, a, func(c *fairlead.ConnectedCluster) { c.Location = location })
		values, _ := b.settings(t, a.id.String(), "[]")
		for name, value := range values {
			if strings.Contains(value, "redacted") {
				t.Errorf("az would take %s=%s for a placeholder", name, value)
			}
		}
		parsed, err := strvals.Parse("location=" + values["global.location"] + ",name=" + values["global.resourceName"])
		if err != nil || parsed["location"] != location || parsed["name"] != "redacted-edge" {
			t.Errorf("Helm reads %v: %v, want %q", parsed, err, location)
		}
	}
}

func TestHelmSettingsAreRefused(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	forbidden := permit{fairlead.Errorf(fairlead.Forbidden, "no")}
	cases := map[string]struct {
		reason, body string
		access       permit
		status       int
	}{
		"NoJSON":     {"the body is a document", "x", permit{}, 400},
		"NoID":       {"the document says which cluster", "{}", permit{}, 400},
		"OtherType":  {"only connected clusters have agents", `{"id":"/subscriptions/s/resourceGroups/g"}`, permit{}, 400},
		"Unknown":    {"the cluster is registered first", `{"id":"` + fairlead.ConnectedClusterID("s", "g", "absent").String() + `"}`, permit{}, 404},
		"Forbidden":  {"who may not read it gets nothing", `{"id":"` + a.id.String() + `"}`, forbidden, 403},
		"NotGuessed": {"who may not read it cannot find out whether it is there", `{"id":"` + fairlead.ConnectedClusterID("s", "g", "absent").String() + `"}`, forbidden, 403},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b.Access = c.access
			if status, text := b.post(t, "/azure-arc-k8sagents/GetHelmSettings", []byte(c.body), nil); status != c.status {
				t.Errorf("%d %s, want %d because %s", status, text, c.status, c.reason)
			}
		})
	}
}

func TestOtherQuestions(t *testing.T) {
	b := newBench(t)
	if status, _ := b.post(t, "/azure-arc-k8sagents/healthCheck?api-version=2024-07-01-preview", nil, nil); status != http.StatusOK {
		t.Errorf("healthCheck: %d", status)
	}
	status, text := b.post(t, "/azure-arc-k8sagents/GetLatestHelmPackagePath?api-version=2019-11-01-preview&releaseTrain=stable", nil, nil)
	if status != http.StatusOK || !strings.Contains(string(text), `{"repositoryPath":"hub.example.org:8443/azurearck8s/batch1/stable/azure-arc-k8sagents:`) {
		t.Errorf("GetLatestHelmPackagePath: %d %s", status, text)
	}
}
