package engine

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead/fairlead/test/cluster/image"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// Packing is how a program of a recipe becomes an image.
type Packing struct {
	Program recipe.Program
	// Repository and Tag name the image. Without a tag it has the version of the program's module for one.
	Repository, Tag string
	// Inside is where the program is in the image, and what a container runs.
	Inside string
	// Files are more files: paths in the image, and those of this machine.
	Files map[string]string
	// User is who runs it; root when empty.
	User string
}

// LoadPrograms puts programs of recipes on the node, each as an image of its own. The first time on a machine it compiles them, and
// tells progress how far it is.
func (c *Cluster) LoadPrograms(ctx context.Context, progress io.Writer, packings ...Packing) error {
	programs := make([]recipe.Program, 0, len(packings))
	for _, packing := range packings {
		programs = append(programs, packing.Program)
	}
	if err := (recipe.Cache{Dir: binDir(c.dir), Progress: progress}).Ensure(ctx, programs...); err != nil {
		return err
	}
	for _, packing := range packings {
		if err := c.loadProgram(ctx, packing); err != nil {
			return fmt.Errorf("load %s: %w", packing.Program, err)
		}
	}
	return nil
}

func (c *Cluster) loadProgram(ctx context.Context, packing Packing) error {
	file, err := c.program(packing.Program)
	if err != nil {
		return err
	}
	tag := packing.Tag
	if tag == "" {
		if tag, err = recipe.ModuleVersion(packing.Program); err != nil {
			return err
		}
	}
	files := map[string]string{packing.Inside: file}
	maps.Copy(files, packing.Files)
	return c.LoadScratch(ctx, image.Scratch{Reference: packing.Repository + ":" + tag, Files: files, Entrypoint: []string{packing.Inside}, User: packing.User})
}

// LoadScratch packs an image and puts it on the node.
func (c *Cluster) LoadScratch(ctx context.Context, scratch image.Scratch) error {
	// Not in a folder for temporary files: images are large, and such folders may be kept in memory.
	packed := filepath.Join(c.state, strings.NewReplacer("/", "_", ":", "_").Replace(scratch.Reference)+".tar")
	if err := scratch.WriteFile(packed); err != nil {
		return err
	}
	defer func() { _ = os.Remove(packed) }()
	return c.LoadImage(ctx, packed)
}
