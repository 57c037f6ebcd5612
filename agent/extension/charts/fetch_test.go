package charts_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/charts"
)

func pack(t *testing.T, version string) (packed []byte, digest string) {
	t.Helper()
	var content bytes.Buffer
	compressed := gzip.NewWriter(&content)
	archive := tar.NewWriter(compressed)
	text := "apiVersion: v2\nname: web\nversion: " + version + "\n"
	if err := archive.WriteHeader(&tar.Header{Name: "web/Chart.yaml", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content.Bytes())
	return content.Bytes(), "sha256:" + hex.EncodeToString(sum[:])
}

// outward trusts the authorities it is given and no others.
func outward(authorities []byte) *http.Transport {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}

func fetcher(folder string) *charts.Fetcher {
	return &charts.Fetcher{Folder: folder, Outward: outward, Log: slog.New(slog.DiscardHandler)}
}

func authority(server *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// inRegistry pushes charts to a registry with TLS and returns where.
func inRegistry(t *testing.T, versions ...string) fairlead.ExtensionChart {
	t.Helper()
	server := httptest.NewTLSServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "https://")
	for _, version := range versions {
		packed, _ := pack(t, version)
		image, err := mutate.AppendLayers(mutate.ConfigMediaType(empty.Image, "application/vnd.cncf.helm.config.v1+json"),
			static.NewLayer(packed, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
		if err != nil {
			t.Fatal(err)
		}
		reference, err := name.ParseReference(host + "/charts/web:" + strings.ReplaceAll(version, "+", "_"))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(reference, image, remote.WithTransport(server.Client().Transport)); err != nil {
			t.Fatal(err)
		}
	}
	return fairlead.ExtensionChart{Repository: "oci://" + host + "/charts/web", CABundle: authority(server)}
}

func TestChartsOfARegistry(t *testing.T) {
	from := inRegistry(t, "1.0.0", "1.1.0+build.7")
	_, digest := pack(t, "1.0.0")
	pinned := from
	pinned.Digest = digest
	f := fetcher("")
	for _, c := range []struct {
		from    fairlead.ExtensionChart
		version string
	}{{from, "1.0.0"}, {from, "1.1.0+build.7"}, {pinned, "1.0.0"}} {
		chart, err := f.Fetch(t.Context(), c.from, c.version, charts.Credentials{})
		if err != nil || chart.Metadata.Version != c.version {
			t.Errorf("%s: %v", c.version, err)
		}
	}
	pinned.Digest = "sha256:" + strings.Repeat("0", 64)
	if _, err := f.Fetch(t.Context(), pinned, "1.0.0", charts.Credentials{}); fairlead.KindOf(err) != fairlead.Invalid || !strings.Contains(err.Error(), digest) {
		t.Errorf("another digest: %v", err)
	}
	if _, err := f.Fetch(t.Context(), from, "2.0.0", charts.Credentials{}); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("a missing version: %v", err)
	}
	from.CABundle = ""
	if _, err := f.Fetch(t.Context(), from, "1.0.0", charts.Credentials{}); err == nil {
		t.Error("a registry that nobody vouches for was trusted")
	}
}

// classic serves a repository with an index.
func classic(t *testing.T, index string, files map[string][]byte) (*httptest.Server, fairlead.ExtensionChart) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, found := files[r.URL.Path]
		if r.URL.Path == "/stable/index.yaml" {
			content, found = []byte(index), true
		}
		if !found {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	return server, fairlead.ExtensionChart{Repository: server.URL + "/stable/", Name: "web"}
}

const helmsIndex = `apiVersion: v1
entries:
  other:
  - urls:
    - other-1.0.0.tgz
    version: 1.0.0
  web:
  - description: |-
      entries:
        web:
    urls:
    - charts/web-1.0.0.tgz
    version: 1.0.0
  - urls:
    - web-0.9.0.tgz
    version: 0.9.0
generated: "2026-11-26T12:00:00Z"
`

func TestChartsOfAClassicRepository(t *testing.T) {
	packed, _ := pack(t, "1.0.0")
	flow := `{"apiVersion":"v1","entries":{"web":[{"version":"1.0.0","urls":["charts/web-1.0.0.tgz"]}]}}`
	for form, index := range map[string]string{"Helm": helmsIndex, "JSON": flow} {
		_, from := classic(t, index, map[string][]byte{"/stable/charts/web-1.0.0.tgz": packed})
		if _, err := fetcher("").Fetch(t.Context(), from, "1.0.0", charts.Credentials{}); err != nil {
			t.Errorf("%s: %v", form, err)
		}
		if _, err := fetcher("").Fetch(t.Context(), from, "3.0.0", charts.Credentials{}); fairlead.KindOf(err) != fairlead.NotFound || !strings.Contains(err.Error(), "no version 3.0.0") {
			t.Errorf("%s, a missing version: %v", form, err)
		}
		from.Name = "nothing"
		if _, err := fetcher("").Fetch(t.Context(), from, "1.0.0", charts.Credentials{}); fairlead.KindOf(err) != fairlead.NotFound || !strings.Contains(err.Error(), `no chart "nothing"`) {
			t.Errorf("%s, a missing chart: %v", form, err)
		}
	}
}

func TestWhatIsNoChartIsRefused(t *testing.T) {
	older, _ := pack(t, "0.1.0")
	for reason, content := range map[string][]byte{"no archive": []byte("<html>"), "another version": older, "nothing": nil} {
		_, from := classic(t, helmsIndex, map[string][]byte{"/stable/charts/web-1.0.0.tgz": content})
		if _, err := fetcher("").Fetch(t.Context(), from, "1.0.0", charts.Credentials{}); err == nil {
			t.Errorf("%s was accepted", reason)
		}
	}
	for _, repository := range []string{"", "ftp://x", "file:///etc", "oci://", "oci://UPPER/x y"} {
		if _, err := fetcher("").Fetch(t.Context(), fairlead.ExtensionChart{Repository: repository, Name: "web"}, "1.0.0", charts.Credentials{}); fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("%q: %v", repository, err)
		}
	}
}

func TestKeptChartsServeWhenTheRepositoryIsAway(t *testing.T) {
	packed, digest := pack(t, "1.0.0")
	server, from := classic(t, helmsIndex, map[string][]byte{"/stable/charts/web-1.0.0.tgz": packed})
	f := fetcher(t.TempDir())
	pinned := from
	pinned.Digest = digest
	for _, one := range []fairlead.ExtensionChart{from, pinned} {
		if _, err := f.Fetch(t.Context(), one, "1.0.0", charts.Credentials{}); err != nil {
			t.Fatal(err)
		}
	}
	server.Close()
	for _, one := range []fairlead.ExtensionChart{from, pinned} {
		if _, err := f.Fetch(t.Context(), one, "1.0.0", charts.Credentials{}); err != nil {
			t.Errorf("digest %q: %v", one.Digest, err)
		}
	}
	files, err := os.ReadDir(f.Folder)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if err := os.WriteFile(f.Folder+"/"+file.Name(), []byte("spoiled"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Fetch(t.Context(), pinned, "1.0.0", charts.Credentials{}); err == nil {
		t.Error("a spoiled file was used")
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	folder := t.TempDir()
	for i := range 5 {
		if err := os.WriteFile(fmt.Sprintf("%s/%d.tgz", folder, i), make([]byte, 40<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packed, _ := pack(t, "1.0.0")
	_, from := classic(t, helmsIndex, map[string][]byte{"/stable/charts/web-1.0.0.tgz": packed})
	if _, err := fetcher(folder).Fetch(t.Context(), from, "1.0.0", charts.Credentials{}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 4 {
		t.Errorf("%d files are kept, want 3 of the large ones and the new one: %v", len(files), err)
	}
}
