package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/fairlead/fairlead"
)

// catalogue says which digests belong to which repository. It is complete before anybody sees it
// and never changes, so that what a request names is looked up and never made into a path.
type catalogue struct {
	dir          string
	repositories map[string]*repository
	noImage      string // why there is no image, if so
	earlier      []*catalogue
}

type repository struct {
	tags      map[string]v1.Descriptor
	manifests map[string]v1.Descriptor // by digest
	blobs     map[string]v1.Descriptor // by digest
	other     v1.Descriptor            // what tags that are not there stand for, if anything
}

// open reads a layout and checks every byte in it.
func open(dir string) (*catalogue, error) {
	content := &catalogue{dir: dir, repositories: map[string]*repository{}}
	var index v1.IndexManifest
	if err := readJSON(filepath.Join(dir, "index.json"), &index); err != nil {
		return nil, err
	}
	for _, manifest := range index.Manifests {
		if err := content.add(manifest); err != nil {
			return nil, err
		}
	}
	return content, content.readReason()
}

func (c *catalogue) add(descriptor v1.Descriptor) error {
	name, tag, _ := strings.Cut(descriptor.Annotations[refAnnotation], ":")
	repo := c.repository(name)
	repo.tags[tag] = descriptor
	if descriptor.MediaType.IsIndex() {
		repo.manifests[descriptor.Digest.String()] = descriptor
		return errors.Join(c.check(descriptor), c.addIndex(repo, descriptor))
	}
	if isAzProxy(name) {
		repo.other = descriptor
	}
	return c.addManifest(repo, descriptor)
}

func (c *catalogue) addManifest(repo *repository, descriptor v1.Descriptor) error {
	var manifest v1.Manifest
	if err := readJSON(c.path(descriptor), &manifest); err != nil {
		return err
	}
	repo.manifests[descriptor.Digest.String()] = descriptor
	for _, blob := range append(manifest.Layers, manifest.Config) {
		repo.blobs[blob.Digest.String()] = blob
		if err := c.check(blob); err != nil {
			return err
		}
	}
	return c.check(descriptor)
}

func (c *catalogue) repository(name string) *repository {
	if c.repositories[name] == nil {
		c.repositories[name] = &repository{tags: map[string]v1.Descriptor{}, manifests: map[string]v1.Descriptor{}, blobs: map[string]v1.Descriptor{}}
	}
	return c.repositories[name]
}

func (c *catalogue) path(blob v1.Descriptor) string {
	return filepath.Join(c.dir, "blobs", blob.Digest.Algorithm, blob.Digest.Hex)
}

func (c *catalogue) check(blob v1.Descriptor) error {
	digest, err := digestOf(c.path(blob))
	if err != nil {
		return err
	}
	if digest != blob.Digest.Hex {
		return fmt.Errorf("blob %s is damaged", blob.Digest)
	}
	return nil
}

func (c *catalogue) readReason() error {
	if c.repositories[fairlead.ImageRepository] != nil {
		return nil
	}
	reason, err := os.ReadFile(filepath.Join(c.dir, reasonFile))
	if err != nil {
		return fmt.Errorf("the layout has no image: %w", err)
	}
	c.noImage = string(reason)
	return nil
}

func readJSON(path string, v any) error {
	content, err := fs.ReadFile(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return err
	}
	return json.Unmarshal(content, v)
}
