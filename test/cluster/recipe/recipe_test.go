package recipe_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

func TestPath(t *testing.T) {
	t.Parallel()
	all := []recipe.Program{
		recipe.Flux, recipe.Etcd, recipe.APIServer, recipe.ControllerManager, recipe.Kubectl, recipe.Scheduler,
		recipe.Proxy, recipe.Kubelet, recipe.CoreDNS, recipe.Pause, recipe.Supervisor, recipe.SourceController, recipe.KustomizeController,
		recipe.MetricsServer, recipe.OSMBootstrap, recipe.OSMController, recipe.OSMInjector, recipe.OSMPreinstall,
	}
	for _, program := range all {
		path, err := recipe.Cache{}.Path(program)
		if err != nil || filepath.Base(path) != string(program) || !strings.Contains(path, recipe.Version) {
			t.Errorf("path of %s = %q, %v", program, path, err)
		}
	}
	if _, err := (recipe.Cache{}).Path("absent"); err == nil {
		t.Error("a program that no recipe builds has a path")
	}
}

// TestEnsureBuildsOnce asks for the same program from several sides at once, as tests of several packages do.
func TestEnsureBuildsOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var progress lockedBuffer
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := (recipe.Cache{Dir: dir, Progress: &progress}).Ensure(t.Context(), recipe.Pause); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := strings.Count(progress.String(), "compiled pause"); n != 1 {
		t.Errorf("built %d times:\n%s", n, progress.String())
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*", "build-*"))
	if len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestModulesAreComplete asks the go command whether the recipes' module files would change.
func TestModulesAreComplete(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"kubernetes", "coredns", "metrics-server", "osm"} {
		dir := t.TempDir()
		for from, to := range map[string]string{name + ".mod": "go.mod", name + ".sum": "go.sum"} {
			content, err := os.ReadFile(filepath.Join(name, from))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, to), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list := exec.CommandContext(t.Context(), "go", "mod", "graph")
		list.Dir = dir
		list.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
		if out, err := list.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%.2000s", name, err, out)
		}
	}
}

type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(line []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(line)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}
