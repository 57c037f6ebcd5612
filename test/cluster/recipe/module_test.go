package recipe_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

func TestModuleVersion(t *testing.T) {
	t.Parallel()
	for program, want := range map[recipe.Program]string{
		recipe.Kubelet: recipe.Version, recipe.SourceController: "v1.9.6", recipe.MetricsServer: "v0.7.2", recipe.OSMInjector: "v1.2.4",
	} {
		if version, err := recipe.ModuleVersion(program); err != nil || version != want {
			t.Errorf("%s is built from version %q, %v, want %s", program, version, err, want)
		}
	}
	for _, program := range []recipe.Program{recipe.Pause, "absent"} {
		if version, err := recipe.ModuleVersion(program); err == nil {
			t.Errorf("%s is built from version %q of a module, and has none", program, version)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	source, err := recipe.Source(t.Context(), recipe.MetricsServerModule, "v0.7.2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(source, "charts", "metrics-server", "Chart.yaml")); err != nil {
		t.Error(err)
	}
	if source, err := recipe.Source(t.Context(), recipe.MetricsServerModule, "v0.0.0-absent"); err == nil {
		t.Errorf("a version that is not there is in %s", source)
	}
}
