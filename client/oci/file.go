package oci

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fairlead/fairlead"
)

// helmRepository is where az looks for helm in the registry that it derives.
const helmRepository = "azurearck8s/helm"

var helmFile = regexp.MustCompile(`^helm-v\d+\.\d+\.\d+[a-z0-9.-]*-([a-z]+-[a-z0-9]+)\.tar\.gz$`)

// PushFile puts one file into the registry as an artefact of one layer with the file's name as its title, which is the
// form in which az fetches programs. A helm archive needs no target: it goes where az looks for it.
func (r *Registry) PushFile(ctx context.Context, file, target string) (Pushed, error) {
	base := filepath.Base(file)
	if match := helmFile.FindStringSubmatch(base); match != nil && target == "" {
		if err := checkHelm(file, match[1]+"/helm"); err != nil {
			return Pushed{}, err
		}
		target = helmRepository + ":" + strings.TrimSuffix(base, ".tar.gz")
	}
	if target == "" {
		return Pushed{}, fairlead.Errorf(fairlead.Invalid, "say where %s is to go, as REPOSITORY:TAG (only an archive such as helm-v3.20.1-linux-amd64.tar.gz has a place of its own)", base)
	}
	layer, err := newFileLayer(file)
	if err != nil {
		return Pushed{}, err
	}
	image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), mutate.Addendum{
		Layer: layer, Annotations: map[string]string{"org.opencontainers.image.title": base},
	})
	if err != nil {
		return Pushed{}, fmt.Errorf("pack %s: %w", file, err)
	}
	return r.write(ctx, target, image)
}

// checkHelm looks for the one file that az takes out of the archive.
func checkHelm(file, want string) error {
	opened, err := os.Open(file) //nolint:gosec // the person names the file
	if err != nil {
		return fairlead.Errorf(fairlead.NotFound, "read %s: %w", file, err)
	}
	defer func() { _ = opened.Close() }() // only read
	unzipped, err := gzip.NewReader(opened)
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "%s is no tar.gz archive: %w", file, err)
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return fairlead.Errorf(fairlead.Invalid, "%s is not an archive of helm as its makers publish it: there is no %s in it", file, want)
		}
		if header.Name == want {
			return nil
		}
	}
}

// fileLayer is a file as it is. Its media type is that of a layer which clients do not unpack: az wants the archive.
type fileLayer struct {
	path   string
	digest v1.Hash
	size   int64
}

func newFileLayer(path string) (*fileLayer, error) {
	file, err := os.Open(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fairlead.Errorf(fairlead.NotFound, "read %s: %w", path, err)
	}
	defer func() { _ = file.Close() }() // only read
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &fileLayer{path, v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}, size}, nil
}

// Digest is the file's.
func (l *fileLayer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the same: nothing is packed.
func (l *fileLayer) DiffID() (v1.Hash, error) { return l.digest, nil }

// Compressed returns the file.
func (l *fileLayer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed returns the file.
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Size is the file's.
func (l *fileLayer) Size() (int64, error) { return l.size, nil }

// MediaType is that of a plain layer, which oras stores as it comes.
func (l *fileLayer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }
