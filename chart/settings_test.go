package chart_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func (o object) decoded(t *testing.T, key string) string {
	t.Helper()
	plain, err := base64.StdEncoding.DecodeString(o.Data[key])
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestMissingValuesAreNamed(t *testing.T) {
	cases := map[string]struct {
		remove func(map[string]any)
		want   string
	}{
		"Subscription": {func(v map[string]any) { delete(v["global"].(map[string]any), "subscriptionId") }, "global.subscriptionId"},
		"Group":        {func(v map[string]any) { delete(v["global"].(map[string]any), "resourceGroupName") }, "global.resourceGroupName"},
		"Name":         {func(v map[string]any) { delete(v["global"].(map[string]any), "resourceName") }, "global.resourceName"},
		"Registry":     {func(v map[string]any) { delete(v["systemDefaultValues"].(map[string]any), "image") }, "image.repository"},
		"Hub":          {func(v map[string]any) { delete(v["systemDefaultValues"].(map[string]any), "azureArcAgents") }, "config_dp_endpoint_override"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			given := values(nil)
			c.remove(given)
			if _, err := render(t, given); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that names %s", err, c.want)
			}
		})
	}
}

func TestSettingsReachTheAgents(t *testing.T) {
	found := mustRender(t, map[string]any{"kubernetesDistro": "k3s", "kubernetesInfra": "auto", "hubCA": "LS0tLS1CRUdJTiBD"})
	data := found["ConfigMap azure-arc/"+fairlead.ClusterConfigMap].Data
	want := map[string]string{
		fairlead.KeySubscription: "0aaa", fairlead.KeyResourceGroup: "shops", fairlead.KeyResourceName: "edge-1",
		fairlead.KeyTenant: "0bbb", fairlead.KeyRegion: "local", fairlead.KeyEnvironment: "AZUREPUBLICCLOUD",
		fairlead.KeyClusterType: "ConnectedClusters", fairlead.KeyAutoUpdate: "false",
		fairlead.KeyDataPlane: "https://hub.example.org:8443", fairlead.KeyDistribution: "k3s", fairlead.KeyInfra: "",
	}
	for key, value := range want {
		if got, ok := data[key]; !ok || got != value {
			t.Errorf("%s = %q, want %q", key, got, value)
		}
	}
	if got := found["ConfigMap azure-arc/azure-arc-hub-ca"].Data["ca.crt"]; got != "-----BEGIN C" {
		t.Errorf("the hub's CA arrived as %q", got)
	}
}

// helm --set makes numbers and booleans of what looks like them.
func TestNamesThatLookLikeNumbers(t *testing.T) {
	found := mustRender(t, map[string]any{"resourceName": int64(20261121), "resourceGroupName": true, "noProxy": int64(10), "httpProxy": "http://p"})
	data := found["ConfigMap azure-arc/"+fairlead.ClusterConfigMap].Data
	if data[fairlead.KeyResourceName] != "20261121" || data[fairlead.KeyResourceGroup] != "true" {
		t.Errorf("names arrived as %q and %q", data[fairlead.KeyResourceName], data[fairlead.KeyResourceGroup])
	}
	if got := found["Secret azure-arc/proxy-config"].decoded(t, "NO_PROXY"); got != "10" {
		t.Errorf("NO_PROXY = %q", got)
	}
}

func TestProxyIsASecretAndCanBeSwitchedOff(t *testing.T) {
	const secret = "Secret azure-arc/proxy-config"
	proxy := map[string]any{"httpsProxy": "http://u:p@proxy:3128", "noProxy": "10.0.0.0/8,.svc", "proxyCert": "PEM"}
	found := mustRender(t, proxy)
	for key, want := range map[string]string{"HTTPS_PROXY": "http://u:p@proxy:3128", "NO_PROXY": "10.0.0.0/8,.svc", "PROXY_CERT": "PEM", "HTTP_PROXY": ""} {
		if got := found[secret].decoded(t, key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	for key, o := range found {
		if key != secret && strings.Contains(o.raw, "u:p@") {
			t.Errorf("%s shows the proxy's password", key)
		}
	}
	for name, off := range map[string]any{"Bool": false, "PythonText": "False"} {
		proxy["isProxyEnabled"] = off
		if _, ok := mustRender(t, proxy)[secret]; ok {
			t.Errorf("%s: the proxy is still set", name)
		}
	}
}

// What is not in the release Helm neither marks nor deletes; an upgrade must not lose the Namespace of one that has it.
func TestNamespaceIsRenderedUnlessSomeoneElseMadeIt(t *testing.T) {
	const namespace = "Namespace azure-arc"
	cases := map[string]struct {
		reason string
		given  map[string]any
		want   bool
	}{
		"Default": {"az makes it with Helm's marks, and the release is to own it", nil, true},
		"Owned":   {"the release's own", map[string]any{"keepNamespace": false}, true},
		"Kept":    {"an administrator's", map[string]any{"keepNamespace": true}, false},
		"Text":    {"helm --set-string makes text of it", map[string]any{"keepNamespace": "True"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, got := mustRender(t, c.given)[namespace]; got != c.want {
				t.Errorf("%s: rendered %t, want %t", c.reason, got, c.want)
			}
		})
	}
}
