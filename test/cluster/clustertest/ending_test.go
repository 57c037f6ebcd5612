package clustertest_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/clustertest"
	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

const helperVariable = "FAIRLEAD_TEST_STARTS_CLUSTER"

// TestHelperStartsCluster is no test: it is the program that TestKilledTestLeavesNothing kills.
func TestHelperStartsCluster(t *testing.T) {
	name := os.Getenv(helperVariable)
	if name == "" {
		t.Skip("only within TestKilledTestLeavesNothing")
	}
	options := []clustertest.Option{clustertest.Name(name)}
	if os.Geteuid() == 0 {
		options = append(options, clustertest.FullNode())
	}
	c := clustertest.Start(t, options...)
	_, _ = os.Stdout.WriteString("\nhelper: started " + c.NodeAddress + "\n")
	select {}
}

func TestKilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	name := "killed-" + time.Now().Format("150405")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperStartsCluster$")
	cmd.Env = append(os.Environ(), helperVariable+"="+name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for scanner := bufio.NewScanner(out); scanner.Scan() && !strings.HasPrefix(scanner.Text(), "helper: started"); {
		continue
	}
	dir := defaultDir(t)
	c, err := engine.Open(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	before := observe(t, c)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	before.assertGone(t)
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	name := "cancelled-" + time.Now().Format("150405")
	ctx, cancel := context.WithCancel(t.Context())
	// The line is written when the step is done: processes run by then.
	_, err := engine.Start(ctx, engine.Config{Name: name, Progress: triggers{"processes", cancel}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("start = %v, want cancelled", err)
	}
	if _, err := engine.Open(defaultDir(t), name); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("open = %v, want not found", err)
	}
}

// triggers calls back when a text is written.
type triggers struct {
	text string
	call func()
}

func (tr triggers) Write(line []byte) (int, error) {
	if strings.Contains(string(line), tr.text) {
		tr.call()
	}
	return len(line), nil
}

func TestStopTwice(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t)
	for range 2 {
		if err := c.Stop(t.Context()); err != nil {
			t.Errorf("stop = %v", err)
		}
	}
}

func defaultDir(t *testing.T) string {
	t.Helper()
	dir, err := recipe.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
