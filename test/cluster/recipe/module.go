package recipe

import (
	"context"
	"encoding/json"
	"errors"
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
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version) //nolint:gosec // only names of modules make up the arguments
	cmd.Dir = os.TempDir()                                                                // no module's own go.sum is to learn of it
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, failed := cmd.Output()
	var found struct{ Dir, Error string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("download %s %s: %w", module, version, errors.Join(failed, err))
	}
	if found.Error != "" {
		return "", fmt.Errorf("download %s %s: %s", module, version, found.Error)
	}
	return found.Dir, failed
}
