package image_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/image"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	packed := filepath.Join(dir, "image.tar")
	if err := (image.Scratch{Reference: "example.test/a:1", Files: map[string]string{"/bin/a": program}, Entrypoint: []string{"/bin/a"}}).WriteFile(packed); err != nil {
		t.Fatal(err)
	}
	parts := unpack(t, packed)
	var manifest []struct{ RepoTags, Layers []string }
	if err := json.Unmarshal(parts["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest) != 1 || manifest[0].RepoTags[0] != "example.test/a:1" || parts[manifest[0].Layers[0]] == nil {
		t.Errorf("manifest = %s", parts["manifest.json"])
	}
	layer := filepath.Join(dir, "layer.tar")
	if err := os.WriteFile(layer, parts["layer.tar"], 0o600); err != nil {
		t.Fatal(err)
	}
	if files := unpack(t, layer); string(files["bin/a"]) != "content" {
		t.Errorf("layer has %v", files)
	}
}

func TestWriteFileWithoutProgram(t *testing.T) {
	t.Parallel()
	missing := image.Scratch{Reference: "example.test/a:1", Files: map[string]string{"/a": filepath.Join(t.TempDir(), "absent")}}
	if err := missing.WriteFile(filepath.Join(t.TempDir(), "image.tar")); err == nil {
		t.Error("packed a program that does not exist")
	}
}

func unpack(t *testing.T, name string) map[string][]byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	parts := map[string][]byte{}
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		if parts[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}
