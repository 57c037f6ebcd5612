package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fairlead/fairlead"
)

// DiagnoserReference is the one image that the az client's troubleshooting knows, whatever the cloud.
const DiagnoserReference = "mcr.microsoft.com/arck8sdiagnoser:v0.1.1"

// The probe's image also takes the part of that client's diagnoser, which is started as /bin/bash with a script: the shell is the
// probe under another name, and the script only there to be found.
const (
	probeProgram = "fairlead-probe"
	probeShell   = "bin/bash"
	probeScript  = "diagnoser_job_script.sh"
	scriptText   = "#!/bin/bash\n# /bin/bash of this image is fairlead-probe, which does the work when it is called with this file.\n"
)

// Probe packs the probe's programs, by architecture as Go names it, into one image for all of them.
func Probe(programs map[string][]byte) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range slices.Sorted(maps.Keys(programs)) {
		packed, err := probeFor(architecture, programs[architecture])
		if err != nil {
			return nil, fmt.Errorf("pack the probe for %s: %w", architecture, err)
		}
		on := &v1.Platform{OS: "linux", Architecture: architecture}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: packed, Descriptor: v1.Descriptor{Platform: on}})
	}
	return index, nil
}

// SaveDiagnoser writes the probe's image for one architecture as an archive for `ctr images import` and `docker load`, under the
// name that az's troubleshooting asks for.
func SaveDiagnoser(architecture string, program []byte, tarPath string) error {
	tag, err := name.NewTag(DiagnoserReference)
	if err != nil {
		return fmt.Errorf("name the image: %w", err)
	}
	packed, err := probeFor(architecture, program)
	if err != nil {
		return fmt.Errorf("pack the probe for %s: %w", architecture, err)
	}
	unfinished, err := os.CreateTemp(filepath.Dir(tarPath), ".diagnoser-*")
	if err != nil {
		return fmt.Errorf("make room for the image: %w", err)
	}
	defer func() { _ = os.Remove(unfinished.Name()) }() // gone already when all went well
	if err := tarball.Write(tag, packed, unfinished); err != nil {
		_ = unfinished.Close()
		return fmt.Errorf("write the image archive: %w", err)
	}
	if err := unfinished.Close(); err != nil {
		return fmt.Errorf("write the image archive: %w", err)
	}
	if err := os.Rename(unfinished.Name(), tarPath); err != nil {
		return fmt.Errorf("finish the image archive: %w", err)
	}
	return nil
}

func probeFor(architecture string, program []byte) (v1.Image, error) {
	files, err := probeFiles(program)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	return assemble(layer, platform{architecture: architecture}, v1.Config{
		Entrypoint: []string{"/" + probeProgram},
		User:       user,
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":   probeProgram,
			"org.opencontainers.image.version": fairlead.Version,
		},
	})
}

// probeFiles returns the files as a tar archive without times and owners.
func probeFiles(program []byte) ([]byte, error) {
	var files bytes.Buffer
	archive := tar.NewWriter(&files)
	for _, entry := range []struct {
		header  tar.Header
		content []byte
	}{
		{tar.Header{Name: probeProgram, Mode: 0o755, Typeflag: tar.TypeReg}, program},
		{tar.Header{Name: "bin/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: probeShell, Mode: 0o755, Typeflag: tar.TypeLink, Linkname: probeProgram}, nil},
		{tar.Header{Name: probeScript, Mode: 0o644, Typeflag: tar.TypeReg}, []byte(scriptText)},
	} {
		entry.header.Size, entry.header.ModTime, entry.header.Format = int64(len(entry.content)), time.Unix(0, 0), tar.FormatUSTAR
		if err := archive.WriteHeader(&entry.header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(entry.content); err != nil {
			return nil, err
		}
	}
	return files.Bytes(), archive.Close()
}
