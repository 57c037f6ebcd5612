package rig_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func TestAChartIsPackedWithItsFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "quay")
	want := map[string]string{"quay/Chart.yaml": "name: quay\n", "quay/templates/all.yaml": "kind: List\n"}
	for name, text := range map[string]string{"Chart.yaml": "name: quay\n", "templates/all.yaml": "kind: List\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "quay.tgz")
	if err := rig.PackChart(dir, file); err != nil {
		t.Fatal(err)
	}
	if got := unpacked(t, file); !maps.Equal(got, want) {
		t.Errorf("the file holds %v, want %v", got, want)
	}
	if err := rig.PackChart(filepath.Join(dir, "nowhere"), file); err == nil {
		t.Error("a folder that is not there was packed")
	}
}

func unpacked(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = string(text)
	}
}
