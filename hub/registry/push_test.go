package registry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	helm "helm.sh/helm/v4/pkg/registry"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/registry"
	"github.com/fairlead/fairlead/hub/registry/mirror"
)

// people is who may do what: a pusher, and somebody who may only look.
type people struct{}

type personKey struct{}

func (people) BasicToken(r *http.Request) (string, error) {
	user, password, _ := r.BasicAuth()
	if password != "right" {
		return "", fairlead.Errorf(fairlead.Unauthenticated, "wrong secret")
	}
	return "token-of-" + user, nil
}

func (people) Identify(r *http.Request) (*http.Request, error) {
	user, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer token-of-")
	if !ok {
		return nil, fairlead.Errorf(fairlead.Unauthenticated, "no token of ours")
	}
	return r.WithContext(context.WithValue(r.Context(), personKey{}, user)), nil
}

func (people) Check(ctx context.Context, action, _ string) error {
	user, _ := ctx.Value(personKey{}).(string)
	if user == "pusher" || strings.HasSuffix(action, "/read") {
		return nil
	}
	return fairlead.Errorf(fairlead.Forbidden, "not allowed")
}

// withMirror returns a server that takes pushes into dir.
func withMirror(t *testing.T, dir string) *registry.Server {
	t.Helper()
	s := server(t, program)
	pushed, err := mirror.Open(t.Context(), dir, time.Now, s.Log)
	if err != nil {
		t.Fatal(err)
	}
	s.Mirror, s.Identity, s.Access = pushed, people{}, people{}
	return s
}

// front serves s; its challenges name it.
func mirrorFront(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	s := withMirror(t, dir)
	front := serve(t, s)
	s.URL = front.URL
	return front
}

func reference(t *testing.T, front *httptest.Server, text string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(host(front) + "/" + text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func asPusher(front *httptest.Server) []remote.Option {
	return []remote.Option{remote.WithTransport(front.Client().Transport), remote.WithAuth(&authn.Basic{Username: "pusher", Password: "right"})}
}

func TestPushedImagesArePulledByAnybodyAndOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	front := mirrorFront(t, dir)
	index, err := random.Index(3000, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	at := reference(t, front, "team/app:1.0")
	if err := remote.WriteIndex(at, index, asPusher(front)...); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time after a restart
		pulled, err := remote.Index(reference(t, front, "team/app:1.0"), remote.WithTransport(front.Client().Transport))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(pulled); err != nil {
			t.Error(err)
		}
		front = mirrorFront(t, dir)
	}
	if err := remote.WriteIndex(reference(t, front, "other/app:1.0"), index, asPusher(front)...); err != nil {
		t.Errorf("push what is there already under another name: %v", err)
	}
}

func TestATagThatWasNotPushedIsNoUnknownRepository(t *testing.T) {
	front := mirrorFront(t, t.TempDir())
	image, err := random.Image(300, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference(t, front, "team/app:1.0"), image, asPusher(front)...); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"team/app:2.0": "MANIFEST_UNKNOWN: of team/app this hub serves only 1.0", "team/other:1.0": "NAME_UNKNOWN: this hub does not serve team/other",
	} {
		if _, err := remote.Get(reference(t, front, place), remote.WithTransport(front.Client().Transport)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", place, err, want)
		}
	}
}

func TestHelmPushesAndPullsAChart(t *testing.T) {
	front := mirrorFront(t, t.TempDir())
	client := func() *helm.Client {
		made, err := helm.NewClient(helm.ClientOptHTTPClient(front.Client()), helm.ClientOptWriter(io.Discard),
			helm.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "config.json")))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	archive, err := chart.Archive()
	if err != nil {
		t.Fatal(err)
	}
	at := host(front) + "/charts/" + fairlead.ChartName + ":" + fairlead.Version
	if _, err := client().Push(archive, at); err == nil {
		t.Error("a stranger pushed a chart")
	}
	pusher := client()
	if err := pusher.Login(host(front), helm.LoginOptBasicAuth("pusher", "wrong")); err == nil {
		t.Error("helm registry login took a wrong secret")
	}
	if err := pusher.Login(host(front), helm.LoginOptBasicAuth("pusher", "right")); err != nil {
		t.Fatalf("helm registry login: %v", err)
	}
	if _, err := pusher.Push(archive, at); err != nil {
		t.Fatalf("helm push: %v", err)
	}
	pulled, err := client().Pull(at)
	if err != nil || !bytes.Equal(pulled.Chart.Data, archive) {
		t.Errorf("helm pull by a stranger: %v", err)
	}
}

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func send(t *testing.T, front *httptest.Server, method, path, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, front.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer token-of-pusher")
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

func TestPushRefuses(t *testing.T) {
	front := mirrorFront(t, t.TempDir())
	own := "/v2/" + fairlead.ChartRepository + "/manifests/" + registry.Tag()
	ociType := "application/vnd.oci.image.manifest.v1+json"
	missing := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"layers":[{"mediaType":"x","digest":%q}]}`, ociType, digestOf("missing"))
	escaping := fmt.Sprintf(`{"mediaType":%q,"layers":[{"mediaType":"x","digest":"sha256:../../../master.key"}]}`, ociType)
	cases := map[string]struct {
		reason, method, path, body string
		header                     []string
		status                     int
		code                       string
	}{
		"Stranger":    {"pushing needs a credential", "POST", "/v2/a/blobs/uploads/", "", []string{"Authorization", ""}, 401, "UNAUTHORIZED"},
		"Anonymous":   {"the token for pulling is none", "POST", "/v2/a/blobs/uploads/", "", []string{"Authorization", "Bearer anonymous"}, 401, "UNAUTHORIZED"},
		"Reader":      {"and a role", "PUT", "/v2/a/manifests/1", "{}", []string{"Authorization", "Bearer token-of-reader"}, 403, "DENIED"},
		"ReadDelete":  {"and a role", "DELETE", "/v2/a/manifests/1", "", []string{"Authorization", "Bearer token-of-reader"}, 403, "DENIED"},
		"Name":        {"names cannot climb", "POST", "/v2/../a/blobs/uploads/", "", nil, 404, ""},
		"Escaped":     {"nor when they are escaped", "POST", "/v2/%2e%2e/a/blobs/uploads/", "", nil, 400, "NAME_INVALID"},
		"UpperName":   {"names are in lower case", "POST", "/v2/Team/app/blobs/uploads/", "", nil, 400, "NAME_INVALID"},
		"OtherUpload": {"a push that nobody began", "PATCH", "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000", "x", nil, 404, "BLOB_UPLOAD_UNKNOWN"},
		"WrongDigest": {"content is what its digest says", "POST", "/v2/a/blobs/uploads/?digest=" + digestOf("x"), "y", nil, 400, "DIGEST_INVALID"},
		"NoDigest":    {"only sha256", "POST", "/v2/a/blobs/uploads/?digest=md5:1", "y", nil, 400, "DIGEST_INVALID"},
		"NoManifest":  {"manifests are JSON", "PUT", "/v2/a/manifests/1", "x", []string{"Content-Type", ociType}, 400, "MANIFEST_INVALID"},
		"MediaType":   {"of known kinds", "PUT", "/v2/a/manifests/1", "{}", []string{"Content-Type", "text/plain"}, 400, "MANIFEST_INVALID"},
		"Missing":     {"whole when they are acknowledged", "PUT", "/v2/a/manifests/1", missing, []string{"Content-Type", ociType}, 404, "MANIFEST_BLOB_UNKNOWN"},
		"PathDigest":  {"digests become file names", "PUT", "/v2/a/manifests/1", escaping, []string{"Content-Type", ociType}, 400, "MANIFEST_INVALID"},
		"Large":       {"manifests are bounded", "PUT", "/v2/a/manifests/1", strings.Repeat(" ", 5<<20), []string{"Content-Type", ociType}, 413, "SIZE_INVALID"},
		"Own":         {"the hub's own chart is the hub's", "PUT", own, `{"schemaVersion":2}`, []string{"Content-Type", ociType}, 403, "push it under another tag"},
		"DeleteOwn":   {"and stays", "DELETE", own, "", nil, 403, "it cannot be removed"},
		"DeleteNone":  {"what is not there", "DELETE", "/v2/a/manifests/1", "", nil, 404, "MANIFEST_UNKNOWN"},
		"PutBlob":     {"blobs are pushed in steps", "PUT", "/v2/a/blobs/" + digestOf("x"), "x", nil, 405, "UNSUPPORTED"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := send(t, front, c.method, c.path, c.body, c.header...)
			if got.status != c.status || !strings.Contains(got.content, c.code) {
				t.Errorf("%s: %d %s, want %d %s", c.reason, got.status, got.content, c.status, c.code)
			}
		})
	}
}

func TestPushInPiecesGoesOnWhereItBrokeOff(t *testing.T) {
	front := mirrorFront(t, t.TempDir())
	whole := rand.Text() + rand.Text()
	at := send(t, front, http.MethodPost, "/v2/a/b/blobs/uploads/", "").header.Get("Location")
	first := send(t, front, http.MethodPatch, at, whole[:10], "Content-Range", "0-9")
	if first.status != http.StatusAccepted || first.header.Get("Range") != "0-9" {
		t.Fatalf("%d %v", first.status, first.header)
	}
	again := send(t, front, http.MethodPatch, at, whole[:10], "Content-Range", "0-9")
	if again.status != http.StatusRequestedRangeNotSatisfiable || again.header.Get("Range") != "0-9" {
		t.Errorf("the same piece twice: %d %v", again.status, again.header)
	}
	if progress := send(t, front, http.MethodGet, at, ""); progress.status != http.StatusNoContent || progress.header.Get("Range") != "0-9" {
		t.Errorf("progress: %d %v", progress.status, progress.header)
	}
	if last := send(t, front, http.MethodPut, at+"?digest="+digestOf(whole), whole[10:]); last.status != http.StatusCreated {
		t.Errorf("end: %d %s", last.status, last.content)
	}
	if over := send(t, front, http.MethodPatch, at, "more"); over.status != http.StatusNotFound {
		t.Errorf("after the end: %d", over.status)
	}
	blob := "/v2/a/b/blobs/" + digestOf(whole)
	if got := get(t, front, http.MethodGet, blob); got.status != http.StatusNotFound {
		t.Errorf("a blob that no manifest names is shown to strangers: %d", got.status)
	}
	if got := send(t, front, http.MethodHead, blob, ""); got.status != http.StatusOK {
		t.Errorf("whoever pushes must learn that the blob is there: %d", got.status)
	}
}

func TestDeleteTakesWhatNothingElseNames(t *testing.T) {
	front := mirrorFront(t, t.TempDir())
	one, err := random.Image(500, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"1", "2"} {
		if err := remote.Write(reference(t, front, "app:"+tag), one, asPusher(front)...); err != nil {
			t.Fatal(err)
		}
	}
	digest, err := one.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(reference(t, front, "app:1"), asPusher(front)...); err != nil {
		t.Fatal(err)
	}
	if got := get(t, front, http.MethodGet, "/v2/app/manifests/"+digest.String()); got.status != http.StatusOK {
		t.Errorf("tag 2 still names it: %d", got.status)
	}
	if got := get(t, front, http.MethodGet, "/v2/app/tags/list"); got.content != `{"name":"app","tags":["2"]}`+"\n" {
		t.Errorf("tags %s", got.content)
	}
	if err := remote.Delete(reference(t, front, "app@"+digest.String()), asPusher(front)...); err != nil {
		t.Fatal(err)
	}
	if got := get(t, front, http.MethodGet, "/v2/app/manifests/2"); got.status != http.StatusNotFound {
		t.Errorf("a deleted manifest is served: %d", got.status)
	}
}

func TestCatalogueNamesAllRepositoriesInPages(t *testing.T) {
	front := mirrorFront(t, t.TempDir())
	var pushed v1.Image
	pushed, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference(t, front, "zoo/app:1"), pushed, asPusher(front)...); err != nil {
		t.Fatal(err)
	}
	if got := get(t, front, http.MethodGet, "/v2/_catalog"); got.status != http.StatusUnauthorized {
		t.Errorf("strangers see what there is: %d", got.status)
	}
	get(t, front, http.MethodGet, "/v2/"+fairlead.ChartRepository+"/tags/list") // waits until the hub has packed
	var all []string
	for path := "/v2/_catalog?n=1"; path != ""; {
		got := get(t, front, http.MethodGet, path, "Authorization", "Bearer token-of-reader")
		var page struct{ Repositories []string }
		if err := json.Unmarshal([]byte(got.content), &page); err != nil || len(page.Repositories) > 1 {
			t.Fatalf("%d %s %v", got.status, got.content, err)
		}
		all = append(all, page.Repositories...)
		path, _, _ = strings.Cut(strings.TrimPrefix(got.header.Get("Link"), "<"), ">")
	}
	text := strings.Join(all, " ")
	for _, want := range []string{"zoo/app", fairlead.ChartRepository, fairlead.ImageRepository} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
