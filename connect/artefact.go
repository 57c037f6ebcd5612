package connect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client/oci"
)

const (
	chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	maxChart   = 16 << 20
)

// artefacts pulls from the registry that the hub names, through the connection that the hub is trusted by.
type artefacts struct{ transport http.RoundTripper }

// chart pulls the agents' chart by the hub's repository path; like az it looks below v2/.
func (a artefacts) chart(ctx context.Context, repositoryPath string) (*chartv2.Chart, error) {
	repository, version, err := splitReference(repositoryPath)
	if err != nil {
		return nil, err
	}
	reference := path.Dir(repository) + "/v2/" + path.Base(repository) + ":" + strings.ReplaceAll(version, "+", "_")
	image, err := a.image(ctx, reference)
	if err != nil {
		return nil, fmt.Errorf("pull the agents' chart %s: %w", reference, err)
	}
	packed, err := layer(image)
	if err != nil {
		return nil, fmt.Errorf("pull the agents' chart %s: %w", reference, err)
	}
	defer func() { _ = packed.Close() }() // the loader reads to the end
	loaded, err := loader.LoadArchive(io.LimitReader(packed, maxChart))
	if err != nil {
		return nil, fmt.Errorf("read the agents' chart %s: %w", reference, err)
	}
	return loaded, nil
}

func splitReference(repositoryPath string) (repository, version string, err error) {
	at := strings.LastIndex(repositoryPath, ":")
	if at <= strings.LastIndex(repositoryPath, "/") || !strings.Contains(repositoryPath, "/") {
		return "", "", fairlead.Errorf(fairlead.Invalid, "the hub names the chart %q, which is not HOST/PATH:VERSION", repositoryPath)
	}
	return repositoryPath[:at], repositoryPath[at+1:], nil
}

func (a artefacts) image(ctx context.Context, reference string) (v1.Image, error) {
	parsed, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	return remote.Image(parsed, oci.Options(ctx, a.transport)...)
}

func layer(image v1.Image) (io.ReadCloser, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	for _, one := range layers {
		if kind, err := one.MediaType(); err == nil && kind == chartLayer {
			return one.Compressed()
		}
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "it holds no chart")
}

// platforms returns what the agents' image beside a chart can run on, such as linux/amd64.
func (a artefacts) platforms(ctx context.Context, repositoryPath string) ([]string, error) {
	repository, version, err := splitReference(repositoryPath)
	if err != nil {
		return nil, err
	}
	host, _, _ := strings.Cut(repository, "/")
	reference := host + "/" + fairlead.ImageRepository + ":" + strings.ReplaceAll(version, "+", "_")
	parsed, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("read the agents' image %s: %w", reference, err)
	}
	found, err := remote.Get(parsed, oci.Options(ctx, a.transport)...)
	if err != nil {
		return nil, fmt.Errorf("read the agents' image %s: %w", reference, err)
	}
	all, err := described(found)
	if err != nil {
		return nil, fmt.Errorf("read the agents' image %s: %w", reference, err)
	}
	return all, nil
}

func described(found *remote.Descriptor) ([]string, error) {
	if !found.MediaType.IsIndex() {
		image, err := found.Image()
		if err != nil {
			return nil, err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return nil, err
		}
		return []string{config.OS + "/" + config.Architecture}, nil
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, child := range manifest.Manifests {
		if child.Platform != nil {
			all = append(all, child.Platform.OS+"/"+child.Platform.Architecture)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
