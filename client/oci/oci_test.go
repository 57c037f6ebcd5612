package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	peer "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client/oci"
)

// registryOf serves a registry over TLS.
func registryOf(t *testing.T) (*oci.Registry, *httptest.Server) {
	t.Helper()
	front := httptest.NewTLSServer(peer.New(peer.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(front.Close)
	return &oci.Registry{URL: front.URL, Transport: front.Client().Transport}, front
}

// packed writes a tar.gz of one file.
func packed(t *testing.T, file, inside, content string) string {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)
	if err := files.WriteHeader(&tar.Header{Name: inside, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(files, content); err != nil {
		t.Fatal(err)
	}
	if files.Close() != nil || zipped.Close() != nil {
		t.Fatal("cannot pack")
	}
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func manifestAt(t *testing.T, front *httptest.Server, repository, tag string) v1.Manifest {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/v2/"+repository+"/manifests/"+tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := front.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var manifest v1.Manifest
	if err := json.NewDecoder(answer.Body).Decode(&manifest); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s:%s: %d %v", repository, tag, answer.StatusCode, err)
	}
	return manifest
}

func TestHelmGoesWhereAzLooksForIt(t *testing.T) {
	hub, front := registryOf(t)
	pushed, err := hub.PushFile(t.Context(), packed(t, "helm-v3.20.1-linux-amd64.tar.gz", "linux-amd64/helm", "helm"), "")
	if err != nil || pushed.Reference != "azurearck8s/helm:helm-v3.20.1-linux-amd64" {
		t.Fatal(pushed, err)
	}
	manifest := manifestAt(t, front, "azurearck8s/helm", "helm-v3.20.1-linux-amd64")
	if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != "application/vnd.oci.image.layer.v1.tar" ||
		manifest.Layers[0].Annotations["org.opencontainers.image.title"] != "helm-v3.20.1-linux-amd64.tar.gz" {
		t.Errorf("layers %+v", manifest.Layers)
	}
	if manifest.MediaType != "application/vnd.oci.image.manifest.v1+json" || manifest.Config.MediaType != "application/vnd.oci.image.config.v1+json" {
		t.Errorf("%s with config %s", manifest.MediaType, manifest.Config.MediaType)
	}
}

func TestPushFileRefuses(t *testing.T) {
	hub, _ := registryOf(t)
	cases := map[string]struct{ reason, file, target, want string }{
		"NoPlace":  {"other files have no place of their own", packed(t, "tool.tar.gz", "tool", "x"), "", "REPOSITORY:TAG"},
		"NotHelm":  {"az would miss the program", packed(t, "helm-v3.20.1-linux-amd64.tar.gz", "helm", "x"), "", "linux-amd64/helm"},
		"NoTag":    {"a tag is said, not guessed", packed(t, "tool.tar.gz", "tool", "x"), "tools/tool", "REPOSITORY:TAG"},
		"NoFile":   {"the file must be there", filepath.Join(t.TempDir(), "none"), "a:1", "none"},
		"TagSpace": {"targets are references", packed(t, "tool.tar.gz", "tool", "x"), "A tool:1", "REPOSITORY:TAG"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := hub.PushFile(t.Context(), c.file, c.target); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

func TestPushTakesEverySource(t *testing.T) {
	hub, front := registryOf(t)
	image, err := random.Image(200, 2)
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "app.tar")
	tag, err := name.NewTag("app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	written, err := layout.Write(folder, empty.Index)
	if err == nil {
		err = written.AppendImage(image)
	}
	if err != nil {
		t.Fatal(err)
	}
	chart := packed(t, "demo-0.1.0.tgz", "demo/Chart.yaml", "apiVersion: v2\nname: demo\nversion: \"0.1.0+build\"\n")
	cases := map[string]struct{ reason, source, target, want string }{
		"Archive": {"docker save", archive, "team/app:1", "team/app:1"},
		"Layout":  {"a folder in OCI layout", folder, "team/layout:1", "team/layout:1"},
		"Chart":   {"a chart has a name and a version", chart, "charts", "charts/demo:0.1.0_build"},
		"Top":     {"which may be all there is", chart, "", "demo:0.1.0_build"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			pushed, err := hub.Push(t.Context(), c.source, c.target)
			if err != nil || pushed.Reference != c.want {
				t.Fatalf("%s: %+v %v", c.reason, pushed, err)
			}
			repository, tag, _ := strings.Cut(c.want, ":")
			manifestAt(t, front, repository, tag)
		})
	}
	found, err := hub.List(t.Context())
	if err != nil || len(found) != len(cases) {
		t.Fatalf("%+v %v", found, err)
	}
	if found[0].Size == 0 || found[0].Digest == "" {
		t.Errorf("%+v", found[0])
	}
	if err := hub.Delete(t.Context(), "team/app:1"); err != nil {
		t.Fatal(err)
	}
	if err := hub.Delete(t.Context(), "team/app:1"); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("delete what is gone: %v", err)
	}
}

func TestPushRefusesWhatItDoesNotKnow(t *testing.T) {
	hub, _ := registryOf(t)
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ reason, source, want string }{
		"Text":    {"a file of another kind", text, "docker save"},
		"NoChart": {"an archive without a chart", packed(t, "x.tgz", "x", "y"), "push-file"},
		"Empty":   {"a folder without a layout", t.TempDir(), "OCI layout"},
		"Missing": {"a file that is not there is no reference", "./missing.tar", "missing.tar"},
		"Chart":   {"nor is one that ends as charts do", "nosuch.tgz", "there is no file nosuch.tgz"},
		"Folder":  {"nor a path", "/no/such/layout", "there is no file /no/such/layout"},
		"Garbage": {"neither file nor reference", "what is this", "no file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := hub.Push(t.Context(), c.source, "a:1"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}
