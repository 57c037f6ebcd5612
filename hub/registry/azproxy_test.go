package registry_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const azProxy = "azureconnectivity/proxy/linux/amd64/arc-proxy"

// az pulls by oras and unpacks by itself: one layer with a title, of a type that oras leaves alone, and in it an archive whose only
// file is a folder deep and begins with arcproxy.
func TestAzFetchesItsProxyProgram(t *testing.T) {
	s := server(t, program)
	s.AzPlatform = "linux/amd64"
	front := serve(t, s)
	for _, prefix := range []string{"", "adfs/"} {
		for _, tag := range []string{"1.3.035022", "9.9.9"} {
			got := get(t, front, http.MethodGet, "/v2/"+prefix+azProxy+"/manifests/"+tag)
			var manifest v1.Manifest
			if err := json.Unmarshal([]byte(got.content), &manifest); err != nil || got.status != http.StatusOK || len(manifest.Layers) != 1 {
				t.Fatalf("tag %s: %d %s, %v", tag, got.status, got.content, err)
			}
			layer := manifest.Layers[0]
			if kind := string(layer.MediaType); layer.Annotations["org.opencontainers.image.title"] == "" || strings.HasSuffix(kind, "+gzip") {
				t.Errorf("the layer is %+v", layer)
			}
			if config := get(t, front, http.MethodHead, "/v2/"+azProxy+"/blobs/"+manifest.Config.Digest.String()); config.status != http.StatusOK {
				t.Errorf("config: %d", config.status)
			}
			checkArchive(t, get(t, front, http.MethodGet, "/v2/"+prefix+azProxy+"/blobs/"+layer.Digest.String()).content)
		}
	}
}

func checkArchive(t *testing.T, content string) {
	t.Helper()
	unzipped, err := gzip.NewReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(unzipped)
	header, err := files.Next()
	if err != nil || header.Name != "arcproxy/arcproxy" || header.Mode != 0o755 {
		t.Fatalf("it begins with %+v, %v", header, err)
	}
	packed, err := io.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(program)
	if err != nil || !bytes.Equal(packed, want) {
		t.Errorf("%d bytes instead of the binary's %d, %v", len(packed), len(want), err)
	}
	if next, err := files.Next(); err != io.EOF {
		t.Errorf("there is also %+v, %v", next, err)
	}
}

func TestAzProxyOfOtherPlatforms(t *testing.T) {
	cases := map[string]struct{ reason, own, path, want string }{
		"Other":    {"the binary runs on one platform", "linux/amd64", "azureconnectivity/proxy/windows/amd64/arc-proxy/manifests/1.3.035022", "push-file ARCHIVE azureconnectivity/proxy/windows/amd64/arc-proxy:1.3.035022"},
		"NoDomain": {"az would not come here", "", azProxy + "/manifests/1.3.035022", "no domain"},
		"Digest":   {"any tag is not any digest", "linux/amd64", azProxy + "/manifests/sha256:" + strings.Repeat("0", 64), "MANIFEST_UNKNOWN"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := server(t, program)
			s.AzPlatform = c.own
			got := get(t, serve(t, s), http.MethodGet, "/v2/"+c.path)
			if got.status != http.StatusNotFound || !strings.Contains(got.content, c.want) {
				t.Errorf("%s: %d %s", c.reason, got.status, got.content)
			}
		})
	}
}
