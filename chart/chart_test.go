package chart_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
)

// object is a rendered object; only what the tests ask about.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Data map[string]string `json:"data"`
	Spec podOwner          `json:"spec"`
	raw  string
}

type podOwner struct {
	Template struct {
		Spec pod `json:"spec"`
	} `json:"template"`
}

type pod struct {
	ServiceAccountName string `json:"serviceAccountName"`
	SecurityContext    struct {
		RunAsNonRoot   bool              `json:"runAsNonRoot"`
		RunAsUser      int               `json:"runAsUser"`
		SeccompProfile map[string]string `json:"seccompProfile"`
	} `json:"securityContext"`
	Containers []container `json:"containers"`
}

type container struct {
	Image           string   `json:"image"`
	Args            []string `json:"args"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool               `json:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool                `json:"readOnlyRootFilesystem"`
		Capabilities             map[string][]string `json:"capabilities"`
	} `json:"securityContext"`
	Resources map[string]map[string]string `json:"resources"`
}

// values are what the hub sends, in the shape in which helm's --set leaves them.
func values(global map[string]any) map[string]any {
	all := map[string]any{
		"subscriptionId": "0aaa", "resourceGroupName": "shops", "resourceName": "edge-1", "location": "local", "tenantId": "0bbb",
	}
	maps.Copy(all, global)
	return map[string]any{"global": all, "systemDefaultValues": map[string]any{
		"image":          map[string]any{"repository": "hub.example.org:8443"},
		"azureArcAgents": map[string]any{"config_dp_endpoint_override": "https://hub.example.org:8443"},
	}}
}

func render(t *testing.T, given map[string]any) (map[string]object, error) {
	t.Helper()
	loaded, err := chart.Load()
	if err != nil {
		t.Fatal(err)
	}
	options := common.ReleaseOptions{Name: fairlead.ReleaseName, Namespace: fairlead.ReleaseNamespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, given, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(loaded, all)
	if err != nil {
		return nil, err
	}
	return objects(t, files), nil
}

func objects(t *testing.T, files map[string]string) map[string]object {
	t.Helper()
	found := map[string]object{}
	for file, content := range files {
		for document := range strings.SplitSeq(content, "\n---") {
			var o object
			if err := yaml.Unmarshal([]byte(document), &o); err != nil {
				t.Fatalf("%s: %v\n%s", file, err, document)
			}
			if o.Kind == "" {
				continue
			}
			o.raw = document
			key := o.Kind + " " + strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Metadata.Name, "/")
			if _, twice := found[key]; twice {
				t.Errorf("%s is rendered twice", key)
			}
			found[key] = o
		}
	}
	return found
}

func mustRender(t *testing.T, global map[string]any) map[string]object {
	t.Helper()
	found, err := render(t, values(global))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func agents() []string {
	return []string{
		fairlead.ClusterIdentityOperator, fairlead.ClusterMetadataOperator, fairlead.ConfigAgent,
		fairlead.ControllerManager, fairlead.MetricsAgent, fairlead.ClusterConnectAgent, fairlead.KubeAADProxy,
		fairlead.ExtensionManager, fairlead.ExtensionEvents, fairlead.FluxLogsAgent,
	}
}

func deployments(found map[string]object) []string {
	var names []string
	for _, o := range found {
		if o.Kind == "Deployment" {
			names = append(names, o.Metadata.Name)
		}
	}
	slices.Sort(names)
	return names
}

func TestProfilesHaveTheirDeployments(t *testing.T) {
	standard := agents()
	slices.Sort(standard)
	cases := map[string]struct {
		profile string
		want    []string
	}{
		"Standard": {"standard", standard},
		"Edge":     {"edge", []string{fairlead.EdgeAgent}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := mustRender(t, map[string]any{"profile": c.profile})
			if got := deployments(found); !slices.Equal(got, c.want) {
				t.Errorf("deployments %q, want %q", got, c.want)
			}
			var run []string
			for _, deployment := range c.want {
				run = append(run, found["Deployment azure-arc/"+deployment].Spec.Template.Spec.Containers[0].Args[1:]...)
			}
			slices.Sort(run)
			if !slices.Equal(run, standard) {
				t.Errorf("agents run: %q", run)
			}
		})
	}
	if _, err := render(t, values(map[string]any{"profile": "tiny"})); err == nil {
		t.Error("an unknown profile was accepted")
	}
}

func TestEveryObjectIsLabelledAndAtItsPlace(t *testing.T) {
	for _, profile := range []string{"standard", "edge"} {
		for key, o := range mustRender(t, map[string]any{"profile": profile, "httpProxy": "http://proxy"}) {
			if o.Metadata.Labels["app.kubernetes.io/part-of"] != "azure-arc" || o.Metadata.Labels["app.kubernetes.io/managed-by"] != "Helm" {
				t.Errorf("%s: labels %v", key, o.Metadata.Labels)
			}
			if n := o.Metadata.Namespace; n != "" && n != fairlead.AgentNamespace && n != fairlead.ReleaseNamespace {
				t.Errorf("%s is in another namespace", key)
			}
		}
	}
}

func TestPodsPassTheRestrictedStandard(t *testing.T) {
	for _, profile := range []string{"standard", "edge"} {
		found := mustRender(t, map[string]any{"profile": profile})
		for _, name := range deployments(found) {
			checkRestricted(t, name, found["Deployment azure-arc/"+name].Spec.Template.Spec)
			if _, ok := found["ServiceAccount azure-arc/azure-arc-"+name+"-sa"]; !ok {
				t.Errorf("%s has no service account of its own", name)
			}
		}
	}
}

func checkRestricted(t *testing.T, name string, p pod) {
	t.Helper()
	c := p.Containers[0]
	inner := c.SecurityContext
	if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.RunAsUser != 65532 || p.SecurityContext.SeccompProfile["type"] != "RuntimeDefault" {
		t.Errorf("%s: pod %+v", name, p.SecurityContext)
	}
	if inner.AllowPrivilegeEscalation == nil || *inner.AllowPrivilegeEscalation || !inner.ReadOnlyRootFilesystem || !slices.Equal(inner.Capabilities["drop"], []string{"ALL"}) {
		t.Errorf("%s: container %+v", name, inner)
	}
	if want := "hub.example.org:8443/" + fairlead.ImageRepository + ":" + fairlead.Version; c.Image != want {
		t.Errorf("%s: image %q, want %q", name, c.Image, want)
	}
	if c.Resources["requests"]["memory"] == "" || c.Resources["limits"]["memory"] == "" {
		t.Errorf("%s: resources %v", name, c.Resources)
	}
}

func TestOnboardingKeyIsRenderedExactlyWhenGiven(t *testing.T) {
	const secret = "Secret azure-arc/" + fairlead.OnboardingKeySecret
	if _, ok := mustRender(t, nil)[secret]; ok {
		t.Error("az creates the Secret itself, but the chart rendered it as well")
	}
	const pem = "-----BEGIN RSA PRIVATE KEY-----\nAA\n-----END RSA PRIVATE KEY-----\n"
	found := mustRender(t, map[string]any{"onboardingPrivateKey": pem})
	if got := found[secret].decoded(t, fairlead.OnboardingKeyField); got != pem {
		t.Errorf("the key arrived as %q", got)
	}
	if !strings.Contains(found[secret].raw, "helm.sh/resource-policy: keep") {
		t.Error("an upgrade without the value would delete the key")
	}
}

func TestArchiveIsTheSameEveryTime(t *testing.T) {
	first, err := chart.Archive()
	if err != nil {
		t.Fatal(err)
	}
	second, err := chart.Archive()
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two archives differ (%v)", err)
	}
	loaded, err := chart.Load()
	if err != nil || loaded.Metadata.Version != fairlead.Version || loaded.Metadata.AppVersion != fairlead.Version || loaded.Name() != fairlead.ChartName {
		t.Errorf("loaded %+v, %v", loaded.Metadata, err)
	}
}
