package engine

import (
	"context"
	"io"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// FluxCommand returns the path of Flux' own command, flux. The first time on a machine it compiles it, and tells progress how far it is.
func (c *Cluster) FluxCommand(ctx context.Context, progress io.Writer) (string, error) {
	if err := (recipe.Cache{Dir: binDir(c.dir), Progress: progress}).Ensure(ctx, recipe.Flux); err != nil {
		return "", err
	}
	return c.program(recipe.Flux)
}
