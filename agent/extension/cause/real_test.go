package cause_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/registry"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
)

// chart is one of a single template, as Helm loads it.
func chart(template string) *chartv2.Chart {
	return &chartv2.Chart{
		Metadata:  &chartv2.Metadata{APIVersion: "v2", Name: "web", Version: "1.0.0"},
		Templates: []*common.File{{Name: "templates/all.yaml", Data: []byte(template)}},
	}
}

// rendering returns what Helm itself says of a chart that does not render.
func rendering(t *testing.T, made *chartv2.Chart, values map[string]any) error {
	t.Helper()
	install := action.NewInstall(action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler)))
	install.ReleaseName, install.Namespace, install.DryRunStrategy = "web", "shop", action.DryRunClient
	_, err := install.Run(made, values)
	if err == nil {
		t.Fatal("the chart renders, and must not")
	}
	return err
}

func TestHelmsOwnRenderingErrors(t *testing.T) {
	schema := chart("a: b")
	schema.Schema = []byte(`{"properties":{"replicas":{"type":"integer"}}}`)
	version := chart("a: b")
	version.Metadata.KubeVersion = ">=9.0.0"
	cases := map[string]struct {
		chart        *chartv2.Chart
		target, word string
	}{
		"Required": {chart("\nid: {{ required \"tenantId is required\" .Values.tenantId }}\n"), "web/templates/all.yaml:2:", "refuses the settings in web/templates/all.yaml, line 2: tenantId is required"},
		"Fail":     {chart(`{{ fail "choose a or b" }}`), "web/templates/all.yaml:1", "choose a or b"},
		"Lookup": {
			chart(`id: {{ index (lookup "v1" "ConfigMap" "kube-system" "extension-manager-config").data "AZURE_TENANT_ID" }}`), "web/templates/all.yaml:1",
			"looks up ConfigMap extension-manager-config in namespace kube-system",
		},
		"Missing": {chart("\n\nid: {{ .Values.outer.inner.name }}"), "web/templates/all.yaml:3", ".Values.outer.inner"},
		"Parse":   {chart("\n{{ if }}"), "web/templates/all.yaml:2", "cannot be rendered"},
		"YAML":    {chart("kind: A\n  b: c"), "web/templates/all.yaml", "cannot be rendered"},
		"Schema":  {schema, "", "chart's schema"},
		"Version": {version, "", "another version of Kubernetes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := failure("")
			f.Err, f.Step = rendering(t, c.chart, map[string]any{"replicas": "two"}), cause.StepApply
			got := explainer(t).Explain(t.Context(), f)
			if got.Code != fairlead.CauseRendering || !strings.HasPrefix(got.Target, strings.TrimSuffix(c.target, ":")) || !strings.Contains(got.Cause, c.word) {
				t.Errorf("%v\n%+v", f.Err, got)
			}
		})
	}
}

// pull returns what Helm says when it cannot pull a chart.
func pull(t *testing.T, reference string, caller *http.Client) error {
	t.Helper()
	client, err := registry.NewClient(registry.ClientOptHTTPClient(caller), registry.ClientOptWriter(io.Discard), registry.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "none.json")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = client.Pull(reference + ":1.0.0"); err == nil {
		t.Fatal("the chart is there, and must not be")
	}
	return err
}

// locate returns what Helm says when a classic repository has no such chart.
func locate(t *testing.T, repository string) error {
	t.Helper()
	install := action.NewInstall(action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler)))
	install.RepoURL = repository
	settings := cli.New()
	settings.RepositoryCache, settings.RepositoryConfig, settings.ContentCache = t.TempDir(), filepath.Join(t.TempDir(), "repositories.yaml"), t.TempDir()
	_, err := install.LocateChart("web", settings)
	if err == nil {
		t.Fatal("the chart is there, and must not be")
	}
	return err
}

// answering is a host that gives one answer to everything.
func answering(t *testing.T, status int) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	return server
}

func TestHelmsOwnDownloadErrors(t *testing.T) {
	missing, denied := answering(t, http.StatusNotFound), answering(t, http.StatusUnauthorized)
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "https://") }
	cases := map[string]struct {
		err  error
		word string
	}{
		"Missing":         {pull(t, host(missing)+"/team/web", missing.Client()), "has no chart of that name and version"},
		"Denied":          {pull(t, host(denied)+"/team/web", denied.Client()), "asks for credentials"},
		"Certificate":     {pull(t, host(missing)+"/team/web", &http.Client{}), "certificate that the agent does not trust"},
		"Refused":         {pull(t, "127.0.0.1:1/team/web", &http.Client{}), "127.0.0.1:1 cannot be reached"},
		"Name":            {pull(t, "charts.invalid/team/web", &http.Client{}), "charts.invalid cannot be resolved"},
		"ClassicRefused":  {locate(t, "https://127.0.0.1:1"), "127.0.0.1:1 cannot be reached"},
		"ClassicName":     {locate(t, "https://charts.invalid"), "charts.invalid cannot be resolved"},
		"ClassicUntruste": {locate(t, missing.URL), "certificate that the agent does not trust"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := failure("")
			f.Err = errors.Join(c.err)
			got := explainer(t).Explain(t.Context(), f)
			if got.Code != fairlead.CauseChartDownload || !strings.Contains(got.Cause, c.word) || !strings.HasPrefix(got.Message, "Unable to download the Helm chart from the repo URL") {
				t.Errorf("%v\n%+v", f.Err, got)
			}
		})
	}
}
