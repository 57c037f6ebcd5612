package endpoint_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func TestCloudsHaveTheSameEndpoints(t *testing.T) {
	var names [][]string
	for _, cloud := range []endpoint.Cloud{endpoint.Public, endpoint.Government, endpoint.China} {
		var of []string
		for _, e := range endpoint.Azure(cloud) {
			of = append(of, e.Name)
			address, ok := e.In("WestEurope")
			at, err := url.Parse(address)
			if !ok || err != nil || at.Scheme != "https" || strings.Contains(address, "{") || strings.Contains(address, "WestEurope") || len(e.Places) == 0 {
				t.Errorf("%s of %s: %s", e.Name, cloud, address)
			}
		}
		names = append(names, of)
	}
	if !slices.Equal(names[0], names[1]) || !slices.Equal(names[0], names[2]) {
		t.Errorf("the clouds differ: %v", names)
	}
}

func TestCloudOf(t *testing.T) {
	cases := map[string]struct {
		name, region string
		want         endpoint.Cloud
	}{
		"Name": {"AzureUSGovernment", "", endpoint.Government}, "China": {"AZURECHINACLOUD", "", endpoint.China}, "Public": {"AZUREPUBLICCLOUD", "usgovvirginia", endpoint.Public},
		"Region": {"", "usgovvirginia", endpoint.Government}, "ChinaRegion": {"", "chinanorth3", endpoint.China}, "Nothing": {"", "", endpoint.Public},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := endpoint.CloudOf(c.name, c.region); got != c.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// cluster is a connected one with a configuration and what its release was told.
func cluster(config map[string]string, global map[string]any) *snapshot.Snapshot {
	return &snapshot.Snapshot{
		ConfigMaps: []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Namespace: "azure-arc", Name: fairlead.ClusterConfigMap}, Data: config}},
		Releases: []snapshot.Release{{Namespace: "azure-arc-release", Name: "azure-arc", Read: true, Values: map[string]any{
			"global": global, "systemDefaultValues": map[string]any{"image": map[string]any{"repository": "registry.example:5000/x"}},
		}}},
		Services: []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-dns"}, Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.10"}}},
	}
}

func targets(plan wire.Plan) map[string]string {
	all := map[string]string{}
	for _, target := range plan.Targets {
		all[target.Name] = target.URL
	}
	return all
}

func TestPlanOfAHub(t *testing.T) {
	c := endpoint.Of(cluster(map[string]string{fairlead.KeyDataPlane: "https://hub.example:8443"}, nil))
	pod, node, client := c.Plan(endpoint.Pod), c.Plan(endpoint.Node), c.Plan(endpoint.Client)
	if diff := cmp.Diff(map[string]string{"hub": "https://hub.example:8443/"}, targets(pod)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"registry": "https://registry.example:5000/v2/"}, targets(node)); diff != "" {
		t.Error(diff)
	}
	if len(client.Targets) != 0 {
		t.Errorf("a machine that asks need not reach the hub by that name: %v", client.Targets)
	}
	if !slices.Contains(pod.Lookups, "hub.example.") || pod.ClusterDNS != "10.0.0.10" {
		t.Errorf("names asked for: %v at %s", pod.Lookups, pod.ClusterDNS)
	}
}

// TestTunnelOfAHub has the feature's two forms: a Deployment, and a setting of the one agent of profile edge.
func TestTunnelOfAHub(t *testing.T) {
	config := map[string]string{
		fairlead.KeyDataPlane: "https://hub.example:8443/", fairlead.KeySubscription: "s", fairlead.KeyResourceGroup: "g", fairlead.KeyResourceName: "n",
	}
	want := "https://hub.example:8443/subscriptions/s/resourceGroups/g/provider/connectedclusters/clusters/n/hybridConnection"
	s := cluster(config, nil)
	if got := targets(endpoint.Of(s).Plan(endpoint.Pod))["relay"]; got != "" {
		t.Errorf("without the feature: %s", got)
	}
	s.Deployments = append(s.Deployments, appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "azure-arc", Name: "clusterconnect-agent"}})
	if got := targets(endpoint.Of(s).Plan(endpoint.Pod))["relay"]; got != want {
		t.Errorf("with the agent: %s", got)
	}
	config["AZURE_ARC_CLUSTER_CONNECT"] = "true"
	if got := targets(endpoint.Of(cluster(config, nil)).Plan(endpoint.Pod))["relay"]; got != want {
		t.Errorf("in profile edge: %s", got)
	}
}

func TestPlanOfAzure(t *testing.T) {
	s := cluster(map[string]string{fairlead.KeyRegion: "westeurope"}, nil)
	plain := targets(endpoint.Of(s).Plan(endpoint.Pod))
	if plain["data-plane"] != "https://westeurope.dp.kubernetesconfiguration.azure.com/" || plain["obo"] != "" || plain["relay"] != "" {
		t.Errorf("without cluster connect: %v", plain)
	}
	s.Deployments = []appsv1.Deployment{{ObjectMeta: metav1.ObjectMeta{Namespace: "azure-arc", Name: "clusterconnect-agent"}}}
	s.Logs = []snapshot.Log{{Namespace: "azure-arc", Pod: "clusterconnect-agent-x", Text: "connected to g1-sb.servicebus.windows.net"}}
	full := targets(endpoint.Of(s).Plan(endpoint.Pod))
	if full["obo"] != "https://westeurope.obo.arc.azure.com:8084/" || full["relay"] != "https://g1-sb.servicebus.windows.net/$hc" {
		t.Errorf("with cluster connect: %v", full)
	}
	for name, address := range full {
		if strings.Contains(address, "*") {
			t.Errorf("%s cannot be tried: %s", name, address)
		}
	}
	if bare := endpoint.Of(&snapshot.Snapshot{}).Plan(endpoint.Pod); len(bare.Targets) != 0 || len(bare.Lookups) == 0 {
		t.Errorf("a cluster that has nothing to do with Azure: %+v", bare)
	}
	s.ConfigMaps[0].Data = map[string]string{}
	if unknown := targets(endpoint.Of(s).Plan(endpoint.Pod)); unknown["data-plane"] != "" || unknown["sign-in"] == "" {
		t.Errorf("an unknown region: %v", unknown)
	}
}

func TestPlanGoesThroughTheAgentsProxy(t *testing.T) {
	global := map[string]any{"isProxyEnabled": true, "httpsProxy": "http://redacted-0a1b2c@proxy:3128", "noProxy": "login.microsoftonline.com"}
	c := endpoint.Of(cluster(map[string]string{fairlead.KeyRegion: "westeurope"}, global))
	for _, target := range c.Plan(endpoint.Pod).Targets {
		want := "http://proxy:3128" // nothing that took the place of a password
		if target.Name == "sign-in" {
			want = ""
		}
		if target.Proxy != want {
			t.Errorf("%s goes through %q", target.Name, target.Proxy)
		}
	}
	for _, target := range c.Plan(endpoint.Node).Targets {
		if target.Proxy != "" {
			t.Errorf("nobody knows the proxy of a node: %q", target.Proxy)
		}
	}
	c.Proxy.HTTPS = "http://user:secret@proxy:3128"
	if plan := c.Plan(endpoint.Pod); !plan.Secret() {
		t.Error("a caller who knows the password can put it in")
	}
	global["isProxyEnabled"] = "false"
	if endpoint.Of(cluster(nil, global)).Proxy.Set() {
		t.Error("a proxy that is switched off is none")
	}
}

func FuzzProxyFor(f *testing.F) {
	f.Add("http://proxy:3128", "10.0.0.0/8,.svc", "https://mcr.microsoft.com/")
	f.Add("“http://proxy:3128”", "*", "%")
	f.Fuzz(func(t *testing.T, proxy, none, target string) {
		through := endpoint.Proxy{HTTPS: proxy, HTTP: proxy, None: none}.For(target)
		if proxy == "" && through != "" {
			t.Errorf("no proxy, and %q is used", through)
		}
	})
}
