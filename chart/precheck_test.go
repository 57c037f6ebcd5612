package chart_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
)

const precheckJob = "Job azure-arc-release/cluster-diagnostic-checks-job"

func aHub() chart.PrecheckHub {
	return chart.PrecheckHub{
		Registry: "registry.hub.example.org", Repository: "azurearck8s/fairlead-probe", Tag: "1.40.0", CA: "-----BEGIN CERTIFICATE-----\nAA\n",
		Connect: "https://gns.hub.example.org/healthz", Onboarding: []string{"https://arm.hub.example.org/", "https://dp.hub.example.org/"},
		Login: "https://login.arc.hub.example.org",
	}
}

// renderPrecheck renders the chart as the client installs it.
func renderPrecheck(t *testing.T, global map[string]any) map[string]object {
	t.Helper()
	packed, err := chart.Precheck(aHub())
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Name() != chart.PrecheckName || loaded.Metadata.Version != chart.PrecheckVersion || loaded.Metadata.AppVersion != fairlead.Version {
		t.Errorf("chart %+v", loaded.Metadata)
	}
	given := map[string]any{"location": "local", "azureCloud": "FAIRLEAD", "mcrRepository": "mcr.microsoft.hub.example.org/adfs"}
	maps.Copy(given, global)
	options := common.ReleaseOptions{Name: "cluster-diagnostic-checks", Namespace: fairlead.ReleaseNamespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, map[string]any{"global": given}, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(loaded, all)
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, files)
}

func TestPrecheckIsWhatTheClientLooksFor(t *testing.T) {
	found := renderPrecheck(t, nil)
	p := found[precheckJob].Spec.Template.Spec
	if len(p.Containers) != 1 {
		t.Fatalf("the job is %+v", found[precheckJob])
	}
	if !strings.Contains(found[precheckJob].raw, "- name: cluster-diagnostic-checks-container") {
		t.Error("the container has another name")
	}
	c := p.Containers[0]
	if c.Image != "registry.hub.example.org/azurearck8s/fairlead-probe:1.40.0" || !slices.Equal(c.Args, []string{"precheck"}) {
		t.Errorf("container %+v", c)
	}
	inner := c.SecurityContext
	if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.SeccompProfile["type"] != "RuntimeDefault" || inner.AllowPrivilegeEscalation == nil ||
		*inner.AllowPrivilegeEscalation || !inner.ReadOnlyRootFilesystem || !slices.Equal(inner.Capabilities["drop"], []string{"ALL"}) {
		t.Errorf("the pod does not pass the restricted standard: %+v", p)
	}
	for _, want := range []string{
		"https://gns.hub.example.org/healthz", `"https://arm.hub.example.org/ https://dp.hub.example.org/"`, `"https://login.arc.hub.example.org"`, "BEGIN CERTIFICATE",
	} {
		if !strings.Contains(found[precheckJob].raw, want) {
			t.Errorf("the job does not know %s", want)
		}
	}
	for key, o := range found {
		if o.Metadata.Labels["app.kubernetes.io/managed-by"] != "Helm" || o.Metadata.Namespace != "" && o.Metadata.Namespace != fairlead.ReleaseNamespace {
			t.Errorf("%s: %+v", key, o.Metadata)
		}
	}
}

func TestPrecheckKeepsTheProxysPasswordInASecret(t *testing.T) {
	const secret = "Secret azure-arc-release/cluster-diagnostic-checks-proxy"
	found := renderPrecheck(t, map[string]any{"httpsProxy": "http://u:p@proxy:3128", "noProxy": "10.0.0.0/8,.svc", "proxyCert": "PEM"})
	for key, want := range map[string]string{"HTTPS_PROXY": "http://u:p@proxy:3128", "NO_PROXY": "10.0.0.0/8,.svc", "PROXY_CERT": "PEM", "HTTP_PROXY": ""} {
		if got := found[secret].decoded(t, key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if strings.Contains(found[precheckJob].raw, "u:p@") {
		t.Error("the job shows the proxy's password")
	}
}

// The pre-check must look at the definitions that the agents' chart brings, may read them, and may do nothing else.
func TestPrecheckReadsTheAgentsDefinitionsAndNothingElse(t *testing.T) {
	var want []string
	for _, o := range mustRender(t, nil) {
		if o.Kind == "CustomResourceDefinition" {
			want = append(want, o.Metadata.Name)
		}
	}
	slices.Sort(want)
	found := renderPrecheck(t, nil)
	var role struct {
		Rules []struct {
			APIGroups     []string `json:"apiGroups"`
			Resources     []string `json:"resources"`
			ResourceNames []string `json:"resourceNames"`
			Verbs         []string `json:"verbs"`
		} `json:"rules"`
	}
	if err := yaml.Unmarshal([]byte(found["ClusterRole cluster-diagnostic-checks"].raw), &role); err != nil || len(role.Rules) != 1 {
		t.Fatalf("%+v, %v", role, err)
	}
	rule := role.Rules[0]
	slices.Sort(rule.ResourceNames)
	if !slices.Equal(rule.ResourceNames, want) || !slices.Equal(rule.Verbs, []string{"get"}) || !slices.Equal(rule.Resources, []string{"customresourcedefinitions"}) {
		t.Errorf("may %+v, want get of %v", rule, want)
	}
	for _, name := range want {
		if !strings.Contains(found[precheckJob].raw, name) {
			t.Errorf("%s is not looked at", name)
		}
	}
	for key := range found {
		if kind, _, _ := strings.Cut(key, " "); kind == "Role" || kind == "RoleBinding" {
			t.Errorf("%s is more than is needed", key)
		}
	}
}

func TestPrecheckIsTheSameForTheSameHub(t *testing.T) {
	first, err := chart.Precheck(aHub())
	if err != nil {
		t.Fatal(err)
	}
	second, err := chart.Precheck(aHub())
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two archives differ (%v)", err)
	}
	other := aHub()
	other.Login = "https://elsewhere.example.org"
	if third, err := chart.Precheck(other); err != nil || bytes.Equal(first, third) {
		t.Errorf("another hub has the same chart (%v)", err)
	}
}
