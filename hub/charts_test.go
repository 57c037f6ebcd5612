package hub_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub"
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

// Who may push must not decide by that what every cluster runs.
func TestWhatIsPushedBesideTheChartOfFluxIsNotOffered(t *testing.T) {
	on := start(t, t.TempDir(), func(c *hub.Config) {
		c.Binary = func() (string, error) { return textFile(t), nil } // no program, so that only charts are packed
		c.FluxChart = smallChart
	})
	host := strings.TrimPrefix(on.URL, "https://")
	tag, err := name.NewTag(host + "/" + fairlead.FluxChartRepository + ":99.0.0")
	if err != nil {
		t.Fatal(err)
	}
	chart, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer([]byte("somebody's own"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
	})
	if err != nil {
		t.Fatal(err)
	}
	pusher := remote.WithAuth(&authn.Basic{Username: on.Administrator.AppID, Password: string(on.Administrator.Secret)})
	if err := remote.Write(tag, chart, pusher, remote.WithTransport(on.http.Transport)); err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.List(tag.Repository, remote.WithTransport(on.http.Transport))
	if err != nil || !slices.Contains(pushed, "99.0.0") {
		t.Fatalf("%v %v are in the registry", pushed, err)
	}
	if got := on.offered(t, fairlead.FluxExtensionType); !slices.Equal(got, []string{fairlead.Version}) {
		t.Errorf("%v are offered", got)
	}
}

// offered are the versions of an extension type.
func (r *running) offered(t *testing.T, kind string) []string {
	t.Helper()
	bearer := r.signIn(t, r.Administrator.AppID, string(r.Administrator.Secret))
	_, list := r.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer, "")
	subscriptions, _ := list["value"].([]any)
	if len(subscriptions) != 1 {
		t.Fatalf("%v", list)
	}
	only, _ := subscriptions[0].(map[string]any)
	id, _ := only["id"].(string)
	status, answer := r.do(t, http.MethodGet, id+"/providers/Microsoft.KubernetesConfiguration/locations/local/extensionTypes/"+kind+
		"/versions?api-version=2023-05-01-preview", bearer, "")
	all, _ := answer["value"].([]any)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, answer)
	}
	var versions []string
	for _, one := range all {
		document, _ := one.(map[string]any)
		properties, _ := document["properties"].(map[string]any)
		version, _ := properties["version"].(string)
		versions = append(versions, version)
	}
	return versions
}
