// Package chart carries the Helm charts of agents and hub and gives them the version of the binary. It
// renders and installs nothing.
package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io/fs"
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
func Archive() ([]byte, error) { return pack(fairlead.ChartName) }

// Hub returns the chart that runs a hub on Kubernetes, packed in the same way.
func Hub() ([]byte, error) { return pack("fairlead-hub") }

func pack(name string) ([]byte, error) {
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	if err := fs.WalkDir(FS, name, appendTo(archive)); err != nil {
		return nil, fmt.Errorf("pack the chart: %w", err)
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack the chart: %w", err)
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("pack the chart: %w", err)
	}
	return packed.Bytes(), nil
}

func appendTo(archive *tar.Writer) fs.WalkDirFunc {
	return func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := read(path)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: path, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	}
}

func read(path string) ([]byte, error) {
	content, err := FS.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, "/Chart.yaml") {
		return content, err
	}
	return []byte(strings.ReplaceAll(string(content), placeholder, fairlead.Version)), nil
}
