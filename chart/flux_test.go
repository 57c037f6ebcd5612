package chart_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
)

// flux renders the chart of microsoft.flux with what helm --set would be given, beside what the hub gives.
func flux(t *testing.T, settings ...string) map[string]object {
	t.Helper()
	packed, err := chart.Flux()
	if errors.Is(err, chart.ErrNoFlux) {
		t.Fatal("the definitions of Flux are not there: make definitions")
	}
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]any{}
	for _, setting := range append([]string{fairlead.FluxImageSetting + "=hub.example.org:8443"}, settings...) {
		if err := strvals.ParseInto(setting, given); err != nil {
			t.Fatal(err)
		}
	}
	options := common.ReleaseOptions{Name: fairlead.FluxExtension, Namespace: fairlead.FluxNamespace, Revision: 1, IsInstall: true}
	values, err := util.ToRenderValues(loaded, given, options, common.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(loaded, values)
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, files)
}

func kinds(found map[string]object, kind string) []string {
	var names []string
	for _, o := range found {
		if o.Kind == kind {
			names = append(names, o.Metadata.Name)
		}
	}
	slices.Sort(names)
	return names
}

func TestFluxRunsWhatTheGuidesName(t *testing.T) {
	usual := []string{"fluxconfig-agent", "fluxconfig-controller", "helm-controller", "kustomize-controller", "notification-controller", "source-controller"}
	if got := kinds(flux(t), "Deployment"); !slices.Equal(got, usual) {
		t.Errorf("Deployments %q, want %q", got, usual)
	}
	got := kinds(flux(t, "image-automation-controller.enabled=true", "image-reflector-controller.enabled=true", "helm-controller.enabled=false"), "Deployment")
	want := []string{"fluxconfig-agent", "fluxconfig-controller", "image-automation-controller", "image-reflector-controller", "kustomize-controller", "notification-controller", "source-controller"}
	if !slices.Equal(got, want) {
		t.Errorf("Deployments %q, want %q", got, want)
	}
}

// The table of the guides, which people's policies and quotas follow.
func TestFluxKeepsToTheTableOfResources(t *testing.T) {
	found := flux(t, "image-automation-controller.enabled=true", "image-reflector-controller.enabled=true")
	for name, want := range map[string]string{
		"fluxconfig-agent": "5m 30Mi 50m 150Mi", "fluxconfig-controller": "5m 30Mi 100m 150Mi", "helm-controller": "100m 64Mi 1000m 1Gi",
		"source-controller": "50m 64Mi 1000m 1Gi", "kustomize-controller": "100m 64Mi 1000m 1Gi", "notification-controller": "100m 64Mi 1000m 1Gi",
		"image-automation-controller": "100m 64Mi 1000m 1Gi", "image-reflector-controller": "100m 64Mi 1000m 1Gi",
	} {
		r := found["Deployment flux-system/"+name].Spec.Template.Spec.Containers[0].Resources
		got := fmt.Sprint(r["requests"]["cpu"], " ", r["requests"]["memory"], " ", r["limits"]["cpu"], " ", r["limits"]["memory"])
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestFluxKeepsTenantsApart(t *testing.T) {
	const refs, bases, account = "--no-cross-namespace-refs=true", "--no-remote-bases=true", "--default-service-account=flux-applier"
	cases := map[string][]string{
		"kustomize-controller": {refs, bases, account}, "helm-controller": {refs, account}, "notification-controller": {refs},
		"image-automation-controller": {refs}, "image-reflector-controller": {refs},
	}
	for setting, enforced := range map[string]bool{"multiTenancy.enforce=true": true, "multiTenancy.enforce=false": false} {
		found := flux(t, setting, "image-automation-controller.enabled=true", "image-reflector-controller.enabled=true")
		for name, wanted := range cases {
			args := found["Deployment flux-system/"+name].Spec.Template.Spec.Containers[0].Args
			for _, flag := range wanted {
				if slices.Contains(args, flag) != enforced {
					t.Errorf("%s: %s has %q", setting, name, args)
				}
			}
		}
		if anything := strings.Contains(found["ClusterRole cluster-reconciler-flux-system"].raw, `- "*"`) || strings.Contains(found["ClusterRole cluster-reconciler-flux-system"].raw, `["*"]`); anything == enforced {
			t.Errorf("%s: what applies may do anything: %t", setting, anything)
		}
	}
}

func TestFluxComesFromWhereOneSays(t *testing.T) {
	image := func(found map[string]object, name string) string {
		return found["Deployment flux-system/"+name].Spec.Template.Spec.Containers[0].Image
	}
	usual := flux(t)
	if got := image(usual, "source-controller"); !strings.HasPrefix(got, "ghcr.io/fluxcd/source-controller:v1.") {
		t.Errorf("image %s", got)
	}
	if got, want := image(usual, "fluxconfig-agent"), "hub.example.org:8443/azurearck8s/fairlead:"+fairlead.Version; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	other := flux(t, "image.registry=mirror.example.org/flux", "source-controller.image.tag=v9", "helm-controller.image.repository=x.example.org/h", "image.pullPolicy=Always", "image.pullSecrets={a,b}")
	if got, want := image(other, "source-controller"), "mirror.example.org/flux/source-controller:v9"; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	if got := image(other, "helm-controller"); !strings.HasPrefix(got, "x.example.org/h:v1.") {
		t.Errorf("image %s", got)
	}
	if raw := other["Deployment flux-system/source-controller"].raw; !strings.Contains(raw, "imagePullPolicy: Always") || !strings.Contains(raw, "- name: b") {
		t.Errorf("pull policy or Secrets are missing in\n%s", raw)
	}
}

func TestFluxGoesThroughTheProxy(t *testing.T) {
	found := flux(t, "proxy.https=http://u:p@proxy:3128", "proxy.noProxy=10.0.0.0/8", "trust.caBundle=PEM")
	for key, o := range found {
		if strings.Contains(o.raw, "u:p@") {
			t.Errorf("%s shows the proxy's password", key)
		}
	}
	if got := found["Secret flux-system/flux-proxy"].decoded(t, "HTTPS_PROXY"); got != "http://u:p@proxy:3128" {
		t.Errorf("the proxy arrived as %q", got)
	}
	raw := found["Deployment flux-system/source-controller"].raw
	for _, want := range []string{"name: flux-proxy", ".cluster.local.,.cluster.local,.svc,$(KUBERNETES_SERVICE_HOST),10.0.0.0/8", "/etc/ssl/certs:/etc/flux/trust", "name: flux-trust"} {
		if !strings.Contains(raw, want) {
			t.Errorf("%s is missing in\n%s", want, raw)
		}
	}
	if _, there := flux(t)["Secret flux-system/flux-proxy"]; there {
		t.Error("a proxy's Secret without a proxy")
	}
}

func TestFluxHasItsDefinitionsAndKeepsThem(t *testing.T) {
	found := flux(t)
	if got := kinds(found, "CustomResourceDefinition"); len(got) < 13 || !slices.Contains(got, "gitrepositories.source.toolkit.fluxcd.io") || !slices.Contains(got, "helmreleases.helm.toolkit.fluxcd.io") {
		t.Errorf("definitions %q", got)
	}
	for key, o := range found {
		if o.Kind == "CustomResourceDefinition" && !strings.Contains(o.raw, "helm.sh/resource-policy: keep") {
			t.Errorf("%s goes with the release, and with it what people have described", key)
		}
	}
}

func TestFluxSettingsOfTheOriginal(t *testing.T) {
	found := flux(t, "useKubeletIdentity=true", "workloadIdentity.enable=true", "workloadIdentity.azureClientId=cafe", "helm-controller.detectDrift=true",
		"helm-controller.outOfMemoryWatch.enabled=true", "helm-controller.outOfMemoryWatch.memoryThreshold=70", "kustomize-controller.concurrent=8")
	for key, want := range map[string]string{
		"Deployment flux-system/fluxconfig-controller": "FLUX_USE_KUBELET_IDENTITY", "ServiceAccount flux-system/source-controller": `client-id: "cafe"`,
		"Deployment flux-system/source-controller": `azure.workload.identity/use: "true"`, "Deployment flux-system/kustomize-controller": "--concurrent=8",
	} {
		if !strings.Contains(found[key].raw, want) {
			t.Errorf("%s lacks %s:\n%s", key, want, found[key].raw)
		}
	}
	args := found["Deployment flux-system/helm-controller"].Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(args, "--feature-gates=DetectDrift=true,OOMWatch=true") || !slices.Contains(args, "--oom-watch-memory-threshold=70") {
		t.Errorf("args %q", args)
	}
}
