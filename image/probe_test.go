package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/fairlead/fairlead/image"
)

// contents are the files of an image, links as "-> target".
func contents(t *testing.T, packed v1.Image) map[string]string {
	t.Helper()
	found := map[string]string{}
	for files := tar.NewReader(mutate.Extract(packed)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = string(content)
		if header.Typeflag == tar.TypeLink {
			found[header.Name] = "-> " + header.Linkname
		}
	}
}

func TestProbeIsOneImageForAllArchitectures(t *testing.T) {
	programs := map[string][]byte{"arm64": []byte("for arm64"), "amd64": []byte("for amd64")}
	index, err := image.Probe(programs)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != len(programs) {
		t.Fatalf("%+v, %v", manifest, err)
	}
	for _, descriptor := range manifest.Manifests {
		packed, err := index.Image(descriptor.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := packed.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		architecture := descriptor.Platform.Architecture
		if config.Architecture != architecture || config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/fairlead-probe" {
			t.Errorf("%s: %+v", architecture, config)
		}
		found := contents(t, packed)
		if found["fairlead-probe"] != "for "+architecture || found["bin/bash"] != "-> fairlead-probe" || found["diagnoser_job_script.sh"] == "" {
			t.Errorf("%s: %q", architecture, found)
		}
	}
	again, err := image.Probe(programs)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := index.Digest()
	if second, _ := again.Digest(); first != second {
		t.Errorf("two digests: %s and %s", first, second)
	}
}

func TestDiagnoserHasTheNameThatTheClientAsksFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "diagnoser.tar")
	if err := image.SaveDiagnoser("amd64", []byte("program"), path); err != nil {
		t.Fatal(err)
	}
	manifest, err := tarball.LoadManifest(tarball.Opener(func() (io.ReadCloser, error) { return os.Open(path) }))
	if err != nil || len(manifest) != 1 || manifest[0].RepoTags[0] != image.DiagnoserReference {
		t.Errorf("%+v, %v", manifest, err)
	}
	packed, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found := contents(t, packed); found["bin/bash"] != "-> fairlead-probe" {
		t.Errorf("files %q", found)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
