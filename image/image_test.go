package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/image"
)

// program writes an ELF file that has all that matters here: a header and its segments.
func program(t *testing.T, machine elf.Machine, abi elf.OSABI, segments ...elf.ProgType) string {
	t.Helper()
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64,
		Phentsize: 56, Phnum: uint16(len(segments)), Shentsize: 64,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION], header.Ident[elf.EI_OSABI] = byte(elf.EV_CURRENT), byte(abi)
	var file bytes.Buffer
	for _, part := range append([]any{header}, progs(segments)...) {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func progs(types []elf.ProgType) []any {
	all := make([]any, len(types))
	for i, kind := range types {
		all[i] = elf.Prog64{Type: uint32(kind)}
	}
	return all
}

func pack(t *testing.T, path string) v1.Image {
	t.Helper()
	packed, err := image.Pack(t.Context(), path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestPackedImageIsValidAndRunsTheBinaryAsNobody(t *testing.T) {
	packed := pack(t, program(t, elf.EM_AARCH64, elf.ELFOSABI_NONE, elf.PT_LOAD))
	if err := validate.Image(packed); err != nil {
		t.Fatal(err)
	}
	file, err := packed.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.OS != "linux" || file.Architecture != "arm64" || file.Variant != "v8" {
		t.Errorf("platform %s/%s/%s, want that of the binary", file.OS, file.Architecture, file.Variant)
	}
	if file.Config.User != "65532:65532" || len(file.Config.Entrypoint) != 1 || file.Config.Entrypoint[0] != "/fairlead" {
		t.Errorf("config %+v", file.Config)
	}
}

func TestLayerHoldsTheBinaryAndNothingElse(t *testing.T) {
	path := program(t, elf.EM_X86_64, elf.ELFOSABI_LINUX)
	layers, err := pack(t, path).Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers: %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	archive := tar.NewReader(content)
	header, err := archive.Next()
	if err != nil || header.Name != "fairlead" || header.Mode != 0o755 || header.Uid != 0 {
		t.Fatalf("entry %+v: %v", header, err)
	}
	got, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := os.ReadFile(path); !bytes.Equal(got, want) {
		t.Error("the layer's file is not the binary")
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the binary: %v, want the end", err)
	}
}

func TestSameBinaryGivesSameDigest(t *testing.T) {
	path := program(t, elf.EM_X86_64, elf.ELFOSABI_NONE)
	first, err := pack(t, path).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := pack(t, path).Digest(); err != nil || first != second {
		t.Errorf("%s, then %s: %v", first, second, err)
	}
}

func TestUnfitBinariesAreRefused(t *testing.T) {
	text := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ reason, path string }{
		"Script":  {"an empty image has no shell", text},
		"Missing": {"there is nothing to pack", filepath.Join(t.TempDir(), "absent")},
		"Dynamic": {"an empty image has no loader", program(t, elf.EM_X86_64, elf.ELFOSABI_NONE, elf.PT_LOAD, elf.PT_INTERP)},
		"FreeBSD": {"containers of Kubernetes are Linux", program(t, elf.EM_X86_64, elf.ELFOSABI_FREEBSD)},
		"Exotic":  {"the platform has no name in OCI", program(t, elf.EM_VAX, elf.ELFOSABI_NONE)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := image.Pack(t.Context(), c.path, t.TempDir()); fairlead.CodeOf(err) != "BinaryNotPackable" {
				t.Errorf("%v, want a refusal because %s", err, c.reason)
			}
		})
	}
}

func TestCancelledPackingLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := image.Pack(ctx, program(t, elf.EM_X86_64, elf.ELFOSABI_NONE), dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want the cancellation", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	if err != nil || len(left) != 0 {
		t.Errorf("%d files left: %v", len(left), err)
	}
}

func TestArchiveCarriesTheReference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image.tar")
	reference := "hub.example.org/azurearck8s/fairlead:1.40.0"
	if err := image.SaveTar(t.Context(), program(t, elf.EM_X86_64, elf.ELFOSABI_NONE), reference, path); err != nil {
		t.Fatal(err)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest) != 1 || len(manifest[0].RepoTags) != 1 || manifest[0].RepoTags[0] != reference {
		t.Errorf("manifest %+v", manifest)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".pack-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
