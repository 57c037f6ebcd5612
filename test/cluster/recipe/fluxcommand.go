package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Flux is the command of Flux.
const Flux Program = "flux"

const fluxModule = "github.com/fluxcd/flux2/v2"

// completeFlux lets the command of Flux be built from a copy of its module, to which it adds what the module lacks: the manifests that
// the command embeds are made when Flux is released. An empty one stands in for them. `flux install`, `flux bootstrap` and `flux check`,
// which want them, are of no use with it; the others do not read them.
func completeFlux(ctx context.Context, dir string) error {
	module, err := fetchModule(ctx, dir, fluxModule)
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

// fetchModule returns the folder of a module in the version that the module in dir asks for. Its sum is checked.
func fetchModule(ctx context.Context, dir, module string) (string, error) {
	said, err := goCommand(ctx, dir, "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var fetched struct{ Dir, Error string }
	if err := json.Unmarshal(said, &fetched); err != nil || fetched.Dir == "" {
		return "", fmt.Errorf("fetch %s: %s: %w", module, fetched.Error, err)
	}
	return fetched.Dir, nil
}

func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // only our own recipes make up the arguments
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	said, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %v: %w: %s", args, err, said)
	}
	return said, nil
}
