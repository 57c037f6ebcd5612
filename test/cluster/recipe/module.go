package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
)

// The modules that the programs of public charts are built from, and that have the charts.
const (
	MetricsServerModule = "sigs.k8s.io/metrics-server"
	OSMModule           = "github.com/openservicemesh/osm"
)

// ModuleVersion is the version of the module that a program is built from.
func ModuleVersion(program Program) (string, error) {
	for _, g := range groups() {
		for pkg := g.packages[program]; len(pkg) > 1; pkg = path.Dir(pkg) {
			if version := required(g.source, pkg); version != "" {
				return version, nil
			}
		}
	}
	return "", fmt.Errorf("no recipe says which module %q is built from", program)
}

// required is the version of a module that the module file of a recipe asks for, "" when it asks for none.
func required(source, module string) string {
	content, err := sources.ReadFile(source + "/" + source + ".mod")
	if err != nil {
		return "" // a program of our own
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(strings.TrimPrefix(line, "require ")); len(fields) >= 2 && fields[0] == module {
			return fields[1]
		}
	}
	return ""
}

// Source is the folder with the files of a version of a module, which is downloaded unless the module cache has it. Nobody may write there.
func Source(ctx context.Context, module, version string) (string, error) {
	return download(ctx, os.TempDir(), module+"@"+version) // no module's own go.sum is to learn of it
}

// download returns the folder of a module: in the version that is named with it, else in the one that the module in dir asks for.
func download(ctx context.Context, dir, module string) (string, error) {
	said, err := goCommand(ctx, dir, "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(said, &found); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	return found.Dir, nil
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
