package registry_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	helm "helm.sh/helm/v4/pkg/registry"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/registry"
)

// smallChart is a chart with nothing in it.
func smallChart() ([]byte, error) {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	const text = "apiVersion: v2\nname: microsoft.flux\nversion: 1.2.3\n"
	err := archive.WriteHeader(&tar.Header{Name: "microsoft.flux/Chart.yaml", Mode: 0o644, Size: int64(len(text))})
	if err == nil {
		_, err = archive.Write([]byte(text))
	}
	err = errors.Join(err, archive.Close(), zipped.Close())
	return packed.Bytes(), err
}

func TestTheChartThatRunsFluxIsServed(t *testing.T) {
	s := server(t, program)
	s.Flux = smallChart
	front := serve(t, s)
	client, err := helm.NewClient(helm.ClientOptHTTPClient(front.Client()), helm.ClientOptWriter(io.Discard),
		helm.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "none.json")))
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := client.Pull(host(front) + "/" + fairlead.FluxChartRepository + ":" + registry.Tag())
	if err != nil || pulled.Chart.Meta.Name != "microsoft.flux" {
		t.Fatalf("%+v %v", pulled, err)
	}
	tags, err := s.Packed(t.Context(), fairlead.FluxChartRepository)
	if err != nil || !slices.Equal(tags, []string{registry.Tag()}) {
		t.Errorf("%v %v", tags, err)
	}
	manifest, err := s.PackedManifest(t.Context(), fairlead.FluxChartRepository, registry.Tag())
	if err != nil || !strings.Contains(string(manifest), pulled.Chart.Digest) {
		t.Errorf("%s %v, want the layer %s in it", manifest, err, pulled.Chart.Digest)
	}
	if _, err := s.PackedManifest(t.Context(), fairlead.FluxChartRepository, "none"); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("%v", err)
	}
}
