package engine

import (
	"context"
	"io"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// LoadMetricsServer puts metrics-server on the node, under the name that its chart has for the image. The first time on a machine it
// compiles it, and tells progress how far it is.
func (c *Cluster) LoadMetricsServer(ctx context.Context, progress io.Writer) error {
	return c.LoadPrograms(ctx, progress, Packing{
		Program: recipe.MetricsServer, Repository: "registry.k8s.io/metrics-server/metrics-server", Inside: "/metrics-server", User: "65534",
	})
}
