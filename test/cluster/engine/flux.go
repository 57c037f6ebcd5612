package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fairlead/fairlead/test/cluster/image"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// LoadFlux puts the controllers of Flux that there are recipes for on the node, under the names that Flux gives its images. The
// first time on a machine it compiles them, and tells progress how far it is.
func (c *Cluster) LoadFlux(ctx context.Context, progress io.Writer) error {
	programs := []recipe.Program{recipe.SourceController, recipe.KustomizeController}
	if err := (recipe.Cache{Dir: binDir(c.dir), Progress: progress}).Ensure(ctx, programs...); err != nil {
		return err
	}
	for _, program := range programs {
		if err := c.loadFlux(ctx, program); err != nil {
			return fmt.Errorf("load %s: %w", program, err)
		}
	}
	return nil
}

func (c *Cluster) loadFlux(ctx context.Context, program recipe.Program) error {
	version, err := recipe.FluxVersion(program)
	if err != nil {
		return err
	}
	path, err := c.program(program)
	if err != nil {
		return err
	}
	inside := "/usr/local/bin/" + string(program)
	packed := filepath.Join(c.state, string(program)+".tar")
	scratch := image.Scratch{
		Reference: "ghcr.io/fluxcd/" + string(program) + ":" + version, Files: map[string]string{inside: path}, Entrypoint: []string{inside}, User: "65534:65534",
	}
	if err := scratch.WriteFile(packed); err != nil {
		return err
	}
	defer func() { _ = os.Remove(packed) }()
	return c.LoadImage(ctx, packed)
}
