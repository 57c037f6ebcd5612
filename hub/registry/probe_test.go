package registry_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	helm "helm.sh/helm/v4/pkg/registry"

	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/registry"
)

// withProbe is a server that also serves the pre-check of a hub with a login endpoint.
func withProbe(t *testing.T, login string) *registry.Server {
	t.Helper()
	s := server(t, program)
	s.Precheck = func() ([]byte, error) {
		return chart.Precheck(chart.PrecheckHub{Registry: "hub.example.org", Login: login})
	}
	s.Probe = func(architecture string) ([]byte, error) { return []byte("probe for " + architecture), nil }
	return s
}

func TestHelmPullsThePrecheck(t *testing.T) {
	front := serve(t, withProbe(t, "https://login.arc.hub.example.org"))
	client, err := helm.NewClient(helm.ClientOptHTTPClient(front.Client()), helm.ClientOptWriter(io.Discard),
		helm.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "none.json")))
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := client.Pull(host(front) + "/azurearck8s/helmchart/stable/clusterdiagnosticchecks:1.36.1")
	if err != nil {
		t.Fatal(err)
	}
	if pulled.Chart.Meta.Name != chart.PrecheckName || pulled.Chart.Meta.Version != "1.36.1" {
		t.Errorf("chart %+v", pulled.Chart.Meta)
	}
}

func TestProbesImageIsPulledForEachArchitecture(t *testing.T) {
	s := withProbe(t, "")
	dir := s.Dir
	first := serve(t, s)
	for _, repository := range []string{registry.ProbeRepository + ":" + registry.Tag(), "arck8sdiagnoser:v0.1.1"} {
		for _, architecture := range []string{"amd64", "arm64"} {
			reference, err := name.ParseReference(host(first) + "/" + repository)
			if err != nil {
				t.Fatal(err)
			}
			on := remote.WithPlatform(v1.Platform{OS: "linux", Architecture: architecture})
			pulled, err := remote.Image(reference, remote.WithTransport(first.Client().Transport), remote.WithContext(t.Context()), on)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(pulled); err != nil {
				t.Errorf("%s for %s: %v", repository, architecture, err)
			}
		}
	}
	again := withProbe(t, "")
	again.Dir = dir
	again.Probe = func(string) ([]byte, error) { t.Error("packed again"); return nil, errors.New("no") }
	if got := get(t, serve(t, again), http.MethodHead, "/v2/arck8sdiagnoser/manifests/v0.1.1"); got.status != http.StatusOK {
		t.Errorf("after a restart: %d", got.status)
	}
}

// The hub's addresses stand in the pre-check: when they change, what was packed is of no use.
func TestHubThatMovesPacksAnew(t *testing.T) {
	dir := t.TempDir()
	digest := func(login string) string {
		s := withProbe(t, login)
		s.Dir = dir
		got := get(t, serve(t, s), http.MethodHead, "/v2/"+registry.PrecheckRepository+"/manifests/1.36.1")
		if got.status != http.StatusOK {
			t.Fatalf("status %d", got.status)
		}
		return got.header.Get("Docker-Content-Digest")
	}
	if before, after := digest("https://one.example.org"), digest("https://two.example.org"); before == after {
		t.Error("the pre-check still has the old address")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d layouts left", len(left))
	}
}

func TestBuildWithoutProbesServesTheRest(t *testing.T) {
	s := withProbe(t, "")
	s.Probe = func(string) ([]byte, error) { return nil, errors.New("not in this build") }
	front := serve(t, s)
	got := get(t, front, http.MethodGet, "/v2/"+registry.PrecheckRepository+"/manifests/1.36.1")
	if got.status != http.StatusNotFound || !strings.Contains(got.content, "NAME_UNKNOWN") {
		t.Errorf("%d %s", got.status, got.content)
	}
	if got := get(t, front, http.MethodHead, "/v2/"+registry.PlainChartRepository+"/manifests/"+registry.Tag()); got.status != http.StatusOK {
		t.Errorf("the agents' chart: %d", got.status)
	}
}
