// Package chart carries the Helm charts of agents, hub, extension microsoft.flux and the az client's pre-check, and gives them
// the version of the binary. It renders and installs nothing.
package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/fairlead/fairlead"
)

// FS holds each chart below a folder of its name, with a placeholder for its version.
//
//go:embed all:azure-arc-k8sagents all:fairlead-hub
var FS embed.FS

// placeholder is the version that Chart.yaml carries in the sources.
const placeholder = "0.0.0-dev"

// Load returns the chart with the binary's version.
func Load() (*chartv2.Chart, error) {
	packed, err := Archive()
	if err != nil {
		return nil, err
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("load the agents' chart: %w", err)
	}
	return loaded, nil
}

// Archive returns the agents' chart as `helm package` would, but the same bytes every time.
func Archive() ([]byte, error) { return archive(FS, fairlead.ChartName) }

// Hub returns the chart that runs a hub on Kubernetes, packed in the same way.
func Hub() ([]byte, error) { return archive(FS, "fairlead-hub") }

// file is one that a chart is given beside those of its folder.
type file struct {
	name    string
	content []byte
}

func archive(from embed.FS, name string, more ...file) ([]byte, error) {
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	if err := fs.WalkDir(from, name, appendTo(archive, from)); err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", name, err)
	}
	for _, extra := range more {
		if err := add(archive, path.Join(name, extra.name), extra.content); err != nil {
			return nil, fmt.Errorf("pack chart %s: %w", name, err)
		}
	}
	if err := errors.Join(archive.Close(), compressed.Close()); err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", name, err)
	}
	return packed.Bytes(), nil
}

func appendTo(archive *tar.Writer, from embed.FS) fs.WalkDirFunc {
	return func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == ".gitignore" {
			return err
		}
		content, err := read(from, path)
		if err != nil {
			return err
		}
		return add(archive, path, content)
	}
}

func add(archive *tar.Writer, path string, content []byte) error {
	header := &tar.Header{Name: path, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

func read(from embed.FS, name string) ([]byte, error) {
	content, err := from.ReadFile(name)
	if err != nil || path.Base(name) != "Chart.yaml" {
		return content, err
	}
	return []byte(strings.ReplaceAll(string(content), placeholder, fairlead.Version)), nil
}
