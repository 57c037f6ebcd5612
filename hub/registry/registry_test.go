package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	helm "helm.sh/helm/v4/pkg/registry"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/registry"
)

// program is a real program, as small as they get, that TestMain builds.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "registry-test-*")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if program, err = build(dir); err != nil {
		panic(err)
	}
	m.Run()
}

func build(dir string) (string, error) {
	source, built := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return "", err
	}
	command := exec.Command("go", "build", "-o", built, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return built, nil
}

func server(t *testing.T, binary string) *registry.Server {
	t.Helper()
	return &registry.Server{
		Dir: t.TempDir(), Chart: chart.Archive, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Binary: func() (string, error) { return binary, nil },
	}
}

// serve runs s and answers over real TLS until the test ends.
func serve(t *testing.T, s *registry.Server) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	s.Mount(mux)
	front := httptest.NewTLSServer(mux)
	stopped := run(t, s)
	t.Cleanup(func() { front.Close(); stopped() })
	return front
}

func run(t *testing.T, s *registry.Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func host(front *httptest.Server) string { return strings.TrimPrefix(front.URL, "https://") }

// answer is a response that has been read.
type answer struct {
	status  int
	length  int64
	header  http.Header
	content string
}

func get(t *testing.T, front *httptest.Server, method, path string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, front.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := front.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.ContentLength, response.Header, string(content)}
}

func TestImageIsPulledWhole(t *testing.T) {
	front := serve(t, server(t, program))
	reference, err := name.ParseReference(host(front) + "/" + fairlead.ImageRepository + ":" + registry.Tag())
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(reference, remote.WithTransport(front.Client().Transport), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
	digest, err := pulled.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(reference.Context().Digest(digest.String()), remote.WithTransport(front.Client().Transport)); err != nil {
		t.Errorf("pull by digest: %v", err)
	}
}

func TestHelmPullsTheChart(t *testing.T) {
	front := serve(t, server(t, program))
	client, err := helm.NewClient(helm.ClientOptHTTPClient(front.Client()), helm.ClientOptWriter(io.Discard),
		helm.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "none.json")))
	if err != nil {
		t.Fatal(err)
	}
	want, err := chart.Archive()
	if err != nil {
		t.Fatal(err)
	}
	for _, repository := range []string{fairlead.ChartRepository, registry.PlainChartRepository} {
		result, err := client.Pull(host(front) + "/" + repository + ":" + fairlead.Version)
		if err != nil {
			t.Fatal(err)
		}
		if result.Chart.Meta.Name != fairlead.ChartName || result.Chart.Meta.Version != fairlead.Version {
			t.Errorf("chart %s %s", result.Chart.Meta.Name, result.Chart.Meta.Version)
		}
		if !bytes.Equal(result.Chart.Data, want) {
			t.Error("the chart pulled is not the chart packed")
		}
	}
}

func TestAnswersAreThoseOfTheDistributionAPI(t *testing.T) {
	front := serve(t, server(t, program))
	chart := "/v2/" + fairlead.ChartRepository
	unknown := "sha256:" + strings.Repeat("0", 64)
	cases := map[string]struct {
		reason, method, path string
		status               int
		code                 string
	}{
		"Ping":            {"clients ask whether this is a registry", "GET", "/v2/", 200, ""},
		"PingHead":        {"some ask by HEAD", "HEAD", "/v2/", 200, ""},
		"ManifestHead":    {"containerd resolves tags by HEAD", "HEAD", chart + "/manifests/" + registry.Tag(), 200, ""},
		"TagList":         {"helm search", "GET", chart + "/tags/list", 200, ""},
		"OtherTag":        {"only the hub's own version is served", "GET", chart + "/manifests/0.0.1", 404, "MANIFEST_UNKNOWN"},
		"OtherDigest":     {"digests are looked up", "GET", chart + "/manifests/" + unknown, 404, "MANIFEST_UNKNOWN"},
		"OtherBlob":       {"digests are looked up", "GET", chart + "/blobs/" + unknown, 404, "BLOB_UNKNOWN"},
		"OtherRepository": {"nothing else is here", "GET", "/v2/library/alpine/manifests/latest", 404, "NAME_UNKNOWN"},
		"ShortDigest":     {"a digest has its length", "GET", chart + "/blobs/sha256:abc", 404, "NAME_INVALID"},
		"Escape":          {"no path leads out of the layout", "GET", chart + "/blobs/..%2f..%2findex.json", 404, "NAME_INVALID"},
		"EscapedDots":     {"no path leads out of the layout", "GET", "/v2/%2e%2e/%2e%2e/etc/manifests/passwd", 404, "NAME_INVALID"},
		"Push":            {"nobody writes here", "POST", chart + "/blobs/uploads/", 405, "UNSUPPORTED"},
		"Delete":          {"nobody writes here", "DELETE", chart + "/manifests/" + registry.Tag(), 405, "UNSUPPORTED"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := get(t, front, c.method, c.path)
			if got.status != c.status || !strings.Contains(got.content, c.code) {
				t.Errorf("%d %s, want %d %s because %s", got.status, got.content, c.status, c.code, c.reason)
			}
		})
	}
}

func TestManifestHeadersNameDigestTypeAndLength(t *testing.T) {
	front := serve(t, server(t, program))
	path := "/v2/" + fairlead.ImageRepository + "/manifests/" + registry.Tag()
	head, full := get(t, front, http.MethodHead, path), get(t, front, http.MethodGet, path)
	if head.length != int64(len(full.content)) || head.length == 0 {
		t.Errorf("HEAD says %d bytes, GET sends %d", head.length, len(full.content))
	}
	if got := head.header.Get("Content-Type"); got != "application/vnd.oci.image.manifest.v1+json" {
		t.Errorf("content type %q", got)
	}
	digest := head.header.Get("Docker-Content-Digest")
	if digest == "" || digest != full.header.Get("Docker-Content-Digest") {
		t.Errorf("digests %q and %q", digest, full.header.Get("Docker-Content-Digest"))
	}
	if again := get(t, front, http.MethodGet, path, "If-None-Match", `"`+digest+`"`); again.status != http.StatusNotModified {
		t.Errorf("a manifest that the client has is sent again: %d", again.status)
	}
}

func TestBlobsAreServedInRanges(t *testing.T) {
	front := serve(t, server(t, program))
	reference, err := name.ParseReference(host(front) + "/" + fairlead.ImageRepository + ":" + registry.Tag())
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(reference, remote.WithTransport(front.Client().Transport))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := pulled.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	path := "/v2/" + fairlead.ImageRepository + "/blobs/" + manifest.Layers[0].Digest.String()
	whole := get(t, front, http.MethodGet, path)
	part := get(t, front, http.MethodGet, path, "Range", "bytes=100-")
	if whole.status != http.StatusOK || part.status != http.StatusPartialContent || part.content != whole.content[100:] {
		t.Errorf("%d and %d, %d of %d bytes", whole.status, part.status, len(part.content), len(whole.content))
	}
}
