package registry

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The program that az connectedk8s proxy fetches, for the platform that az runs on. The tag is that of the newest client known;
// the program is the same under any.
const (
	azProxyPrefix = "azureconnectivity/proxy/"
	azProxySuffix = "/arc-proxy"
	azProxyTag    = "1.3.035022"
	azProxyTitle  = "arcproxy.tar.gz"
	// The file is in a folder, as az wants it, and begins as az expects it. By such a name the binary knows what it is to be.
	azProxyFile = "arcproxy/arcproxy"
)

// titleAnnotation is the name under which a client keeps a layer.
const titleAnnotation = "org.opencontainers.image.title"

// azProxyRepository is where az looks for the program of a platform such as linux/amd64.
func azProxyRepository(platform string) string { return azProxyPrefix + platform + azProxySuffix }

func isAzProxy(repository string) bool {
	return strings.HasPrefix(repository, azProxyPrefix) && strings.HasSuffix(repository, azProxySuffix)
}

// addAzProxy adds the running binary as az's proxy program: an archive in one layer, of a type that clients do not unpack.
func addAzProxy(target layout.Path, platform, binary, dir string) error {
	layer, err := packAzProxy(target, binary, dir)
	if err != nil {
		return fmt.Errorf("pack the program of az connectedk8s proxy: %w", err)
	}
	layer.Annotations = map[string]string{titleAnnotation: azProxyTitle}
	config, err := addBlob(target, []byte("{}"), types.OCIConfigJSON)
	if err != nil {
		return err
	}
	text, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer}})
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	manifest, err := addBlob(target, text, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	manifest.Annotations = map[string]string{refAnnotation: azProxyRepository(platform) + ":" + azProxyTag}
	return target.AppendDescriptor(manifest)
}

// packAzProxy writes the archive beside the layout first, since a blob's name is known only when it is complete.
func packAzProxy(target layout.Path, binary, dir string) (v1.Descriptor, error) {
	file, err := os.Create(filepath.Join(dir, "arcproxy.tmp")) //nolint:gosec // in the registry's own folder
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer func() { _ = errors.Join(file.Close(), os.Remove(file.Name())) }() // the blob is what counts
	digest := sha256.New()
	if err := writeAzProxy(io.MultiWriter(file, digest), binary); err != nil {
		return v1.Descriptor{}, err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return v1.Descriptor{}, err
	}
	name := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(digest.Sum(nil))}
	return v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: size, Digest: name}, target.WriteBlob(name, io.NopCloser(file))
}

func writeAzProxy(to io.Writer, binary string) error {
	program, err := os.Open(binary) //nolint:gosec // the hub's own binary
	if err != nil {
		return err
	}
	defer func() { _ = program.Close() }() // only read
	info, err := program.Stat()
	if err != nil {
		return err
	}
	zipped, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zipped)
	if err := archive.WriteHeader(&tar.Header{Name: azProxyFile, Typeflag: tar.TypeReg, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	if _, err := io.Copy(archive, program); err != nil {
		return err
	}
	return errors.Join(archive.Close(), zipped.Close())
}

// noAzProxy says why the program of a platform is not served, and how it can be.
func (s *Server) noAzProxy(ctx context.Context, repository string) string {
	platform := strings.TrimSuffix(strings.TrimPrefix(repository, azProxyPrefix), azProxySuffix)
	s.Log.WarnContext(ctx, "the hub has no program of az connectedk8s proxy for a platform", slog.String("platform", platform), slog.String("own_platform", s.AzPlatform))
	if s.AzPlatform == "" {
		return "this hub has no domain, without which az does not fetch its proxy program here"
	}
	return "this hub runs on " + s.AzPlatform + " and hands out az's proxy program for that alone; one for " + platform +
		" can be put here: fairlead registry push-file ARCHIVE " + repository + ":" + azProxyTag
}
