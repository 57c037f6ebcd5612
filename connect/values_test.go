package connect

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

func TestTheHubsValuesWinAndSecretsStayHere(t *testing.T) {
	c := Connection{endpoint: "https://hub", Options: Options{
		Distribution: "k3s", Infrastructure: "generic", Profile: "edge",
		Proxy: Proxy{HTTPS: "http://u:hush,1@proxy:3128", Skip: "10.0.0.0/8,.svc"},
	}}
	asked, err := json.Marshal(c.question())
	if err != nil || strings.Contains(string(asked), "hush") || !strings.Contains(string(asked), "redacted:proxy:https_proxy") {
		t.Errorf("the hub is asked %s, %v", asked, err)
	}
	values, err := c.values(fairlead.HelmSettings{RepositoryPath: "reg:1/a/azure-arc-k8sagents:1.0.0", HelmValues: map[string]string{
		"global.httpsProxy": "redacted:proxy:https_proxy", "global.noProxy": "redacted:proxy:no_proxy", "global.kubernetesDistro": "aks", "global.location": `a\,b`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	global, _ := values["global"].(map[string]any)
	for name, want := range map[string]any{
		"httpsProxy": "http://u:hush,1@proxy:3128", "noProxy": "10.0.0.0/8,.svc", "kubernetesDistro": "aks", "location": "a,b", "profile": "edge",
	} {
		if global[name] != want {
			t.Errorf("%s is %v, want %v", name, global[name], want)
		}
	}
	if _, err := c.values(fairlead.HelmSettings{HelmValues: map[string]string{"global.x": "redacted:other:key"}}); err == nil {
		t.Error("a setting that was not given was filled in")
	}
}

func TestSplitReference(t *testing.T) {
	cases := map[string]struct{ reason, text, repository, version string }{
		"Plain": {"the last colon parts the version", "hub/a/chart:1.0.0", "hub/a/chart", "1.0.0"},
		"Port":  {"a port is no version", "hub:8443/a/chart:1.0.0", "hub:8443/a/chart", "1.0.0"},
		"None":  {"no version", "hub:8443/a/chart", "", ""},
		"Host":  {"no path", "hub:1", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			repository, version, err := splitReference(c.text)
			if repository != c.repository || version != c.version || (err == nil) != (c.version != "") {
				t.Errorf("%s: got %q, %q, %v", c.reason, repository, version, err)
			}
		})
	}
}

func FuzzSplitReference(f *testing.F) {
	f.Add("hub:8443/a/chart:1.0.0")
	f.Add(":/")
	f.Fuzz(func(t *testing.T, text string) {
		repository, version, err := splitReference(text)
		if err == nil && repository+":"+version != text {
			t.Errorf("%q became %q and %q", text, repository, version)
		}
	})
}

func TestNodesThatCannotRunTheAgents(t *testing.T) {
	node := func(platform string, ready corev1.ConditionStatus, cordoned bool) corev1.Node {
		os, architecture, _ := strings.Cut(platform, "/")
		return corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{labelOS: os, labelArchitecture: architecture}},
			Spec:       corev1.NodeSpec{Unschedulable: cordoned},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}},
		}
	}
	good := node("linux/amd64", corev1.ConditionTrue, false)
	cases := map[string]struct {
		reason string
		nodes  []corev1.Node
		want   string
	}{
		"None":     {"an empty cluster", nil, "has no node"},
		"Windows":  {"the image is for Linux", []corev1.Node{node("windows/amd64", corev1.ConditionTrue, false)}, "n is windows/amd64"},
		"Arm":      {"the image is for one architecture", []corev1.Node{node("linux/arm64", corev1.ConditionTrue, false)}, "n is linux/arm64"},
		"NotReady": {"a node that is away", []corev1.Node{node("linux/amd64", corev1.ConditionUnknown, false)}, "n is not Ready"},
		"Cordoned": {"a node that takes nothing", []corev1.Node{node("linux/amd64", corev1.ConditionTrue, true)}, "n is cordoned"},
		"OneGood":  {"one is enough", []corev1.Node{node("windows/amd64", corev1.ConditionTrue, false), good}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := checkNodes(c.nodes, []string{"linux/amd64"})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
			}
		})
	}
}

func TestRightsShareLines(t *testing.T) {
	lines := inWords([]right{{"create", "", "secrets", "a"}, {"create", "apps", "deployments", "a"}, {"list", "", "nodes", ""}, {"delete", "", "secrets", "a"}, {"delete", "apps", "deployments", "a"}})
	if got := strings.Join(lines, "; "); got != "create or delete secrets, deployments.apps in namespace a; list nodes" {
		t.Errorf("got %s", got)
	}
}
