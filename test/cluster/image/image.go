// Package image packs static binaries into container images that `ctr images import` and `docker load` read.
// The images are FROM scratch: a bench without internet has no base image to start from.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
	"time"
)

// Scratch is an image with one layer.
type Scratch struct {
	// Reference names the image, with a tag: registry.example/pause:1.
	Reference string
	// Files maps paths in the image to files of this machine; all of them become executable.
	Files map[string]string
	// Entrypoint is what a container runs.
	Entrypoint []string
	// User is who runs it; root when empty.
	User string
}

// WriteFile writes the image as a tar file.
func (s Scratch) WriteFile(name string) error {
	layer, err := s.layer()
	if err != nil {
		return fmt.Errorf("pack image %s: %w", s.Reference, err)
	}
	config, err := json.Marshal(s.config(layer))
	if err != nil {
		return fmt.Errorf("describe image %s: %w", s.Reference, err)
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{s.Reference}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return fmt.Errorf("list image %s: %w", s.Reference, err)
	}
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, part := range []struct {
		name    string
		content []byte
	}{{"layer.tar", layer}, {"config.json", config}, {"manifest.json", manifest}} {
		if err := addFile(archive, part.name, 0o644, part.content); err != nil {
			return fmt.Errorf("pack image %s: %w", s.Reference, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("pack image %s: %w", s.Reference, err)
	}
	return os.WriteFile(name, out.Bytes(), 0o600)
}

func (s Scratch) config(layer []byte) map[string]any {
	sum := sha256.Sum256(layer)
	return map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"created":      time.Unix(0, 0).UTC(),
		"config":       map[string]any{"Entrypoint": s.Entrypoint, "User": s.User, "WorkingDir": "/", "Env": []string{"PATH=/"}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	}
}

func (s Scratch) layer() ([]byte, error) {
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		return nil, err
	}
	for target, source := range s.Files {
		content, err := os.ReadFile(source) //nolint:gosec // the caller names the file
		if err != nil {
			return nil, err
		}
		if err := addFile(archive, strings.TrimPrefix(path.Clean(target), "/"), 0o755, content); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

func addFile(archive *tar.Writer, name string, mode int64, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := io.Copy(archive, bytes.NewReader(content))
	return err
}
