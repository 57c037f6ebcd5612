package recipe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Flux is the command of Flux.
const Flux Program = "flux"

const fluxModule = "github.com/fluxcd/flux2/v2"

// completeFlux lets the command of Flux be built from a copy of its module, to which it adds what the module lacks: the manifests that
// the command embeds are made when Flux is released. An empty one stands in for them. `flux install`, `flux bootstrap` and `flux check`,
// which want them, are of no use with it; the others do not read them.
func completeFlux(ctx context.Context, dir string) error {
	module, err := download(ctx, dir, fluxModule) // in the version that the recipe asks for, and with its sum
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "flux2")
	if err := os.CopyFS(copied, os.DirFS(module)); err != nil {
		return fmt.Errorf("copy %s: %w", fluxModule, err)
	}
	manifests := filepath.Join(copied, "cmd", "flux", "manifests")
	if err := os.MkdirAll(manifests, 0o750); err != nil {
		return fmt.Errorf("complete %s: %w", fluxModule, err)
	}
	if err := os.WriteFile(filepath.Join(manifests, "none.yaml"), nil, 0o600); err != nil {
		return fmt.Errorf("complete %s: %w", fluxModule, err)
	}
	_, err = goCommand(ctx, dir, "mod", "edit", "-replace", fluxModule+"=./flux2")
	return err
}
