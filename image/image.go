// Package image packs a static Linux binary, usually the running one, into a container image. It
// builds from scratch, needs no container runtime, and gives the same digest for the same binary.
// It knows neither registries nor what the binary does.
package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fairlead/fairlead"
)

// program is where the binary lies in the image.
const program = "/fairlead"

// user is nobody's number, as distroless images have it: agents never run as root.
const user = "65532:65532"

// Pack packs the binary, whose one layer it leaves in dir/blobs/sha256 as an OCI layout wants it.
// The image reads its layer from there, so that no part of it is ever held in memory.
func Pack(ctx context.Context, binaryPath, dir string) (v1.Image, error) {
	machine, err := inspect(binaryPath)
	if err != nil {
		return nil, err
	}
	layer, err := packLayer(ctx, binaryPath, filepath.Join(dir, "blobs", "sha256"))
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", filepath.Base(binaryPath), err)
	}
	return assemble(layer, machine, v1.Config{
		Entrypoint: []string{program},
		User:       user,
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":   "fairlead",
			"org.opencontainers.image.version": fairlead.Version,
		},
	})
}

// SaveTar writes the image of the binary as an archive that `ctr images import` and
// `docker load` understand, under reference such as hub.example.org/azurearck8s/fairlead:1.40.0.
func SaveTar(ctx context.Context, binaryPath, reference, tarPath string) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return fmt.Errorf("name the image: %w", err)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(tarPath), ".pack-*")
	if err != nil {
		return fmt.Errorf("make room for the image: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	packed, err := Pack(ctx, binaryPath, scratch)
	if err != nil {
		return err
	}
	if err := tarball.WriteToFile(tarPath, tag, packed); err != nil {
		return fmt.Errorf("write the image archive: %w", err)
	}
	return nil
}

func assemble(layer v1.Layer, machine platform, config v1.Config) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	withLayer, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "fairlead"}})
	if err != nil {
		return nil, fmt.Errorf("add the layer: %w", err)
	}
	file, err := withLayer.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant, file.Config = "linux", machine.architecture, machine.variant, config
	complete, err := mutate.ConfigFile(withLayer, file)
	if err != nil {
		return nil, fmt.Errorf("set the configuration: %w", err)
	}
	return complete, nil
}
