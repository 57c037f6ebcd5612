package engine

import (
	"context"
	"io"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// LoadFlux puts the controllers of Flux that there are recipes for on the node, under the names that Flux gives its images. The
// first time on a machine it compiles them, and tells progress how far it is.
func (c *Cluster) LoadFlux(ctx context.Context, progress io.Writer) error {
	var packings []Packing
	for _, program := range []recipe.Program{recipe.SourceController, recipe.KustomizeController} {
		packings = append(packings, Packing{
			Program: program, Repository: "ghcr.io/fluxcd/" + string(program), Inside: "/usr/local/bin/" + string(program), User: "65534:65534",
		})
	}
	return c.LoadPrograms(ctx, progress, packings...)
}
