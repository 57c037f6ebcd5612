package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"sigs.k8s.io/yaml"
)

// The media types by which Helm recognises a chart.
const (
	chartConfig  types.MediaType = "application/vnd.cncf.helm.config.v1+json"
	chartContent types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// maxChartFile bounds what is read of Chart.yaml.
const maxChartFile = 1 << 20

// addChart adds the packed chart to the layout, under a tag of each repository.
func addChart(target layout.Path, archive []byte, tag string, repositories ...string) error {
	metadata, err := chartMetadata(archive)
	if err != nil {
		return err
	}
	config, err := addBlob(target, metadata, chartConfig)
	if err != nil {
		return err
	}
	content, err := addBlob(target, archive, chartContent)
	if err != nil {
		return err
	}
	text, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{content},
	})
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	manifest, err := addBlob(target, text, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	for _, repository := range repositories {
		manifest.Annotations = map[string]string{refAnnotation: repository + ":" + tag}
		if err := target.AppendDescriptor(manifest); err != nil {
			return err
		}
	}
	return nil
}

func addBlob(target layout.Path, content []byte, kind types.MediaType) (v1.Descriptor, error) {
	sum := sha256.Sum256(content)
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	if err := target.WriteBlob(digest, io.NopCloser(bytes.NewReader(content))); err != nil {
		return v1.Descriptor{}, fmt.Errorf("write a blob: %w", err)
	}
	return v1.Descriptor{MediaType: kind, Size: int64(len(content)), Digest: digest}, nil
}

// chartMetadata returns the archive's Chart.yaml as JSON, which is the config of a chart's manifest.
func chartMetadata(archive []byte) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("unzip the chart: %w", err)
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("find Chart.yaml: %w", err)
		}
		if path.Base(header.Name) != "Chart.yaml" || path.Dir(path.Dir(header.Name)) != "." {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(files, maxChartFile))
		if err != nil {
			return nil, fmt.Errorf("read Chart.yaml: %w", err)
		}
		return yaml.YAMLToJSON(text)
	}
}
