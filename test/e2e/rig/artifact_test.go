package rig_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func TestAnArtifactIsWhatItsDigestsSay(t *testing.T) {
	dir := t.TempDir()
	digest, err := rig.WriteArtifact(dir, map[string]string{"app/note": "first"})
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Layers []struct{ MediaType, Digest string }
	}
	if err := json.Unmarshal(blob(t, dir, digest), &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != "application/vnd.cncf.flux.content.v1.tar+gzip" {
		t.Fatalf("layers %v", manifest.Layers)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(blob(t, dir, manifest.Layers[0].Digest)))
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(unzipped)
	header, err := files.Next()
	if err != nil || header.Name != "app/note" {
		t.Fatalf("the first file is %v: %v", header, err)
	}
	if text, err := io.ReadAll(files); err != nil || string(text) != "first" {
		t.Errorf("it holds %q: %v", text, err)
	}
}

func blob(t *testing.T, dir, digest string) []byte {
	t.Helper()
	name := strings.TrimPrefix(digest, "sha256:")
	content, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", name))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != name {
		t.Errorf("%s is the digest of something else", digest)
	}
	return content
}
