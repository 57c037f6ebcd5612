package rig

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The media types of artifacts as `flux push artifact` makes them.
const (
	artifactManifest = "application/vnd.oci.image.manifest.v1+json"
	artifactConfig   = "application/vnd.cncf.flux.config.v1+json"
	artifactContent  = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

// descriptor is how OCI refers to a blob.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// WriteArtifact writes files as an artifact of Flux into a folder in OCI layout, which `fairlead registry push` takes, and returns its digest.
func WriteArtifact(dir string, files map[string]string) (string, error) {
	content, err := packed(files)
	if err != nil {
		return "", fmt.Errorf("pack an artifact: %w", err)
	}
	config, failed := writeBlob(dir, artifactConfig, []byte("{}"))
	layer, err := writeBlob(dir, artifactContent, content)
	if err = errors.Join(failed, err); err != nil {
		return "", err
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": artifactManifest, "config": config, "layers": []descriptor{layer}})
	if err != nil {
		return "", fmt.Errorf("describe an artifact: %w", err)
	}
	described, err := writeBlob(dir, artifactManifest, manifest)
	if err != nil {
		return "", err
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{described}})
	if err != nil {
		return "", fmt.Errorf("list an artifact: %w", err)
	}
	for name, content := range map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "index.json": string(index)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return "", fmt.Errorf("write an artifact: %w", err)
		}
	}
	return described.Digest, nil
}

func writeBlob(dir, mediaType string, content []byte) (descriptor, error) {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:])
	folder := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return descriptor{}, fmt.Errorf("make the folder of an artifact: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
		return descriptor{}, fmt.Errorf("write an artifact: %w", err)
	}
	return descriptor{mediaType, "sha256:" + name, len(content)}, nil
}

func packed(files map[string]string) ([]byte, error) {
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	for name, text := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return nil, err
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			return nil, err
		}
	}
	err := errors.Join(archive.Close(), compressed.Close())
	return packed.Bytes(), err
}
