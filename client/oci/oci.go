// Package oci puts artefacts into a hub's registry and says what is there: images and indexes of other registries and of
// archives, Helm charts, and single files such as the helm that az fetches.
package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	helm "helm.sh/helm/v4/pkg/registry"

	"github.com/fairlead/fairlead"
)

// Registry is the registry of a hub. URL is the hub's, without a slash at the end; Transport adds the credential to
// requests.
type Registry struct {
	URL       string
	Transport http.RoundTripper
}

// Pushed is an artefact as it is in the registry now.
type Pushed struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// maxChart bounds a packed chart.
const maxChart = 16 << 20

func (r *Registry) host() string { return strings.TrimPrefix(r.URL, "https://") }

func (r *Registry) reference(text string) (name.Reference, error) {
	found, err := name.ParseReference(r.host()+"/"+text, name.StrictValidation)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "%q is not REPOSITORY:TAG, for example team/app:1.0", text)
	}
	return found, nil
}

func (r *Registry) options(ctx context.Context) []remote.Option {
	return Options(ctx, r.Transport)
}

// Options have a hub that still packs its chart and image, and says so after 20 seconds, asked for about four minutes.
func Options(ctx context.Context, transport http.RoundTripper) []remote.Option {
	again := remote.Backoff{Duration: time.Second, Factor: 1, Steps: 12}
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(transport), remote.WithRetryBackoff(again)}
}

// Push copies a source into the hub: a folder in OCI layout, an archive of docker save, a packed chart (a .tgz file), or a
// reference into another registry. Target is REPOSITORY:TAG; of a chart, which brings name and version, it is the
// repository above it, and may be empty.
func (r *Registry) Push(ctx context.Context, source, target string) (Pushed, error) {
	info, err := os.Stat(source)
	switch {
	case err == nil && info.IsDir():
		return r.pushLayout(ctx, source, target)
	case err == nil && (strings.HasSuffix(source, ".tgz") || strings.HasSuffix(source, ".tar.gz")):
		return r.pushChart(source, target)
	case err == nil:
		return r.pushArchive(ctx, source, target)
	case errors.Is(err, os.ErrNotExist) && looksLikeFile(source):
		return Pushed{}, &fairlead.Error{Kind: fairlead.NotFound, Message: "there is no file " + source, Err: err}
	case !errors.Is(err, os.ErrNotExist):
		return Pushed{}, fairlead.Errorf(fairlead.NotFound, "read %s: %w", source, err)
	}
	return r.mirror(ctx, source, target)
}

// looksLikeFile reports whether a source that is no file was meant as one. References begin with a name, and what ends as archives do is
// rather a mistyped file than a repository that is called so.
func looksLikeFile(source string) bool {
	begins := func(start string) bool { return strings.HasPrefix(source, start) }
	ends := func(end string) bool { return strings.HasSuffix(source, end) }
	return slices.ContainsFunc([]string{".", "/", "~", string(os.PathSeparator)}, begins) || slices.ContainsFunc([]string{".tgz", ".tar", ".tar.gz"}, ends)
}

// mirror copies from another registry, with the credentials that docker and others have stored.
func (r *Registry) mirror(ctx context.Context, source, target string) (Pushed, error) {
	from, err := name.ParseReference(strings.TrimPrefix(source, "oci://"))
	if err != nil {
		return Pushed{}, fairlead.Errorf(fairlead.Invalid, "%q is no file, and no reference such as registry.example.org/team/app:1.0", source)
	}
	if target == "" {
		target = from.Context().RepositoryStr() + ":" + from.Identifier()
	}
	found, err := remote.Get(from, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return Pushed{}, fairlead.Errorf(fairlead.Unavailable, "read %s: %w", source, err)
	}
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err != nil {
			return Pushed{}, fmt.Errorf("read %s: %w", source, err)
		}
		return r.writeIndex(ctx, target, index)
	}
	image, err := found.Image()
	if err != nil {
		return Pushed{}, fmt.Errorf("read %s: %w", source, err)
	}
	return r.write(ctx, target, image)
}

func (r *Registry) pushArchive(ctx context.Context, file, target string) (Pushed, error) {
	image, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return Pushed{}, fairlead.Errorf(fairlead.Invalid, "%s is no archive of docker save with one image in it (an OCI archive: unpack it, and push the folder): %w", file, err)
	}
	return r.write(ctx, target, image)
}

func (r *Registry) pushLayout(ctx context.Context, folder, target string) (Pushed, error) {
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return Pushed{}, fairlead.Errorf(fairlead.Invalid, "%s is no folder in OCI layout: %w", folder, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return Pushed{}, fmt.Errorf("read %s: %w", folder, err)
	}
	if len(manifest.Manifests) != 1 {
		return Pushed{}, fairlead.Errorf(fairlead.Invalid, "%s holds %d artefacts, and one is wanted", folder, len(manifest.Manifests))
	}
	only := manifest.Manifests[0]
	if only.MediaType.IsIndex() {
		inner, err := index.ImageIndex(only.Digest)
		if err != nil {
			return Pushed{}, fmt.Errorf("read %s: %w", folder, err)
		}
		return r.writeIndex(ctx, target, inner)
	}
	image, err := index.Image(only.Digest)
	if err != nil {
		return Pushed{}, fmt.Errorf("read %s: %w", folder, err)
	}
	return r.write(ctx, target, image)
}

func (r *Registry) write(ctx context.Context, target string, image v1.Image) (Pushed, error) {
	to, err := r.reference(target)
	if err != nil {
		return Pushed{}, err
	}
	if err := remote.Write(to, image, r.options(ctx)...); err != nil {
		return Pushed{}, refused(err)
	}
	digest, err := image.Digest()
	return Pushed{target, digest.String()}, err
}

func (r *Registry) writeIndex(ctx context.Context, target string, index v1.ImageIndex) (Pushed, error) {
	to, err := r.reference(target)
	if err != nil {
		return Pushed{}, err
	}
	if err := remote.WriteIndex(to, index, r.options(ctx)...); err != nil {
		return Pushed{}, refused(err)
	}
	digest, err := index.Digest()
	return Pushed{target, digest.String()}, err
}

// pushChart pushes as helm push does: under the chart's name and version.
func (r *Registry) pushChart(file, above string) (Pushed, error) {
	content, err := readAtMost(file, maxChart)
	if err != nil {
		return Pushed{}, err
	}
	chart, version, err := chartName(content)
	if err != nil {
		return Pushed{}, fairlead.Errorf(fairlead.Invalid, "%s is no packed chart (for other files: fairlead registry push-file): %w", file, err)
	}
	nothing, err := os.MkdirTemp("", "fairlead-push-*") // where helm finds no credentials: ours are in the transport
	if err != nil {
		return Pushed{}, fmt.Errorf("prepare the push: %w", err)
	}
	defer func() { _ = os.RemoveAll(nothing) }()
	pusher, err := helm.NewClient(helm.ClientOptHTTPClient(&http.Client{Transport: r.Transport}), helm.ClientOptWriter(io.Discard),
		helm.ClientOptCredentialsFile(filepath.Join(nothing, "config.json")))
	if err != nil {
		return Pushed{}, fmt.Errorf("prepare the push: %w", err)
	}
	target := path.Join(above, chart) + ":" + version
	result, err := pusher.Push(content, r.host()+"/"+target) // which writes _ for a +, as registries know no +
	if err != nil {
		return Pushed{}, refused(err)
	}
	return Pushed{strings.ReplaceAll(target, "+", "_"), result.Manifest.Digest}, nil
}

func readAtMost(file string, limit int64) ([]byte, error) {
	opened, err := os.Open(file) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fairlead.Errorf(fairlead.NotFound, "read %s: %w", file, err)
	}
	defer func() { _ = opened.Close() }() // only read
	content, err := io.ReadAll(io.LimitReader(opened, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if int64(len(content)) > limit {
		return nil, fairlead.Errorf(fairlead.TooLarge, "%s is larger than %d bytes", file, limit)
	}
	return content, nil
}

var chartLine = regexp.MustCompile(`(?m)^(name|version):\s*["']?([^"'\s#]+)`)

// chartName finds name and version in a packed chart; the rest of it is helm's business.
func chartName(archive []byte) (chart, version string, err error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "", "", err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return "", "", fmt.Errorf("find Chart.yaml: %w", err)
		}
		if path.Base(header.Name) != "Chart.yaml" || path.Dir(path.Dir(header.Name)) != "." {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(files, 1<<20))
		if err != nil {
			return "", "", fmt.Errorf("read Chart.yaml: %w", err)
		}
		found := map[string]string{}
		for _, match := range chartLine.FindAllStringSubmatch(string(text), -1) {
			found[match[1]] = match[2]
		}
		if found["name"] == "" || found["version"] == "" {
			return "", "", errors.New("its Chart.yaml names no chart and version")
		}
		return found["name"], found["version"], nil
	}
}

// refused puts the registry's answer into our words.
func refused(err error) error {
	text := err.Error()
	for code, kind := range map[string]fairlead.Kind{
		"UNAUTHORIZED": fairlead.Unauthenticated, "DENIED": fairlead.Forbidden, "MANIFEST_UNKNOWN": fairlead.NotFound, "NAME_UNKNOWN": fairlead.NotFound,
	} {
		if strings.Contains(text, code) {
			return fairlead.Errorf(kind, "the hub's registry refused: %w", withoutSecrets(err))
		}
	}
	return fairlead.Errorf(fairlead.Unavailable, "the hub's registry did not do it: %w", withoutSecrets(err))
}

// withoutSecrets takes the query out of addresses in errors; other registries put signatures there.
func withoutSecrets(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		if address, parseErr := url.Parse(failed.URL); parseErr == nil {
			address.RawQuery = ""
			return &url.Error{Op: failed.Op, URL: address.String(), Err: failed.Err}
		}
	}
	return err
}
