package chart_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
)

func loadHub(t *testing.T) *chartv2.Chart {
	t.Helper()
	packed, err := chart.Hub()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func hubValues(more map[string]any) map[string]any {
	values := map[string]any{"url": "https://hub.example.org", "image": map[string]any{"repository": "registry.example.org/fairlead"}}
	maps.Copy(values, more)
	return values
}

func renderHub(t *testing.T, more map[string]any) (string, error) {
	t.Helper()
	loaded := loadHub(t)
	values, err := util.ToRenderValues(loaded, hubValues(more), common.ReleaseOptions{Name: "fairlead-hub", Namespace: "fairlead"}, nil)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(loaded, values)
	return files["fairlead-hub/templates/hub.yaml"], err
}

func TestHubChartRunsALimitedPod(t *testing.T) {
	text, err := renderHub(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	set := objects(t, map[string]string{"hub.yaml": text})["StatefulSet fairlead-hub"]
	spec := set.Spec.Template.Spec
	if !strings.Contains(text, "enableServiceLinks: false") {
		t.Error("the variables of Service fairlead-hub would count as settings of the hub")
	}
	if len(spec.Containers) != 1 || !spec.SecurityContext.RunAsNonRoot {
		t.Fatalf("%+v", spec)
	}
	hub := spec.Containers[0]
	if hub.Image != "registry.example.org/fairlead:"+fairlead.Version {
		t.Errorf("image %s", hub.Image)
	}
	limits := hub.SecurityContext
	if !limits.ReadOnlyRootFilesystem || limits.AllowPrivilegeEscalation == nil || *limits.AllowPrivilegeEscalation || limits.Capabilities["drop"][0] != "ALL" {
		t.Errorf("%+v", limits)
	}
}

func TestHubChartPassesSettingsOn(t *testing.T) {
	text, err := renderHub(t, map[string]any{
		"tls": map[string]any{"secretName": "hub-tls"}, "traces": "http://collector:4318",
		"locations": []any{"ashore", "atsea"}, "config": map[string]any{"logFormat": "text"},
		"service": map[string]any{"type": "NodePort", "nodePort": 30443},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"url: https://hub.example.org", "tlsCert: /tls/tls.crt", "secretName: hub-tls", "traces: http://collector:4318", "- atsea", "logFormat: text", "nodePort: 30443",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestHubChartRefusesWrongValues(t *testing.T) {
	for name, wrong := range map[string]map[string]any{
		"NoURL":       {"url": ""},
		"PathInURL":   {"url": "https://hub.example.org/x"},
		"NoImage":     {"image": map[string]any{"repository": ""}},
		"UnknownName": {"storage": map[string]any{"size": "1Gi"}},
		"NoLocation":  {"locations": []any{}},
	} {
		if _, err := renderHub(t, wrong); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
