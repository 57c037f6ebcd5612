package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// sampling is how often the kernel is asked for the most memory that a program had. What the kernel keeps for the parent when a program has
// ended is no use: it counts the parent's own memory from before the program began.
const sampling = 2 * time.Millisecond

// program is something that reads the cluster.
type program struct {
	name string
	path string
	args []string
}

// figures are those of one run of a program.
type figures struct {
	wall, processor time.Duration
	memory          int64 // bytes, the most that was resident
}

// size is what was measured on a cluster of one size.
type size struct {
	name        string
	nodes, pods int
	aims        aims
	results     []result
}

// result is what one program did there.
type result struct {
	program program
	runs    []figures
	calls   calls
}

// aims are the project's own, for doctor; zero is none.
type aims struct {
	wall   time.Duration
	memory int64
	lists  int64
}

func smallAims() aims { return aims{wall: 500 * time.Millisecond, lists: 40} }

func largeAims() aims { return aims{wall: 3 * time.Second, memory: 150 << 20, lists: 40} }

// programs returns doctor first, then what it is compared with.
func programs(binary string, cluster *engine.Cluster) ([]program, error) {
	kubectl, err := cluster.Program()
	if err != nil {
		return nil, err
	}
	all := []program{
		{"doctor", binary, []string{"doctor", "-o", "json"}},
		{"kubectl get pods", kubectl, []string{"get", "pods", "-A", "-o", "json"}},
	}
	if path := os.Getenv("POPEYE"); path != "" {
		all = append(all, program{"Popeye", path, []string{"-A", "-o", "json"}})
	}
	if path := os.Getenv("K8SGPT"); path != "" {
		all = append(all, program{"K8sGPT", path, []string{"analyze", "-o", "json"}})
	}
	return all, nil
}

// look measures all programs in turns, so that noise of the machine hits all of them.
func (b *bench) look(ctx context.Context, name string, aims aims) error {
	s := size{name: name, aims: aims}
	var err error
	if s.nodes, err = b.number(ctx, "nodes"); err != nil {
		return err
	}
	if s.pods, err = b.number(ctx, "pods"); err != nil {
		return err
	}
	for _, p := range b.programs {
		counted, err := b.count(ctx, p)
		if err != nil {
			return err
		}
		s.results = append(s.results, result{program: p, calls: counted})
	}
	for i := range b.runs {
		fmt.Fprintf(b.progress, "%s cluster: look %d of %d\n", name, i+1, b.runs)
		for j := range s.results {
			measured, err := b.time(ctx, s.results[j].program)
			if err != nil {
				return err
			}
			s.results[j].runs = append(s.results[j].runs, measured)
		}
	}
	b.sizes = append(b.sizes, s)
	return nil
}

func (b *bench) number(ctx context.Context, resource string) (int, error) {
	var found struct{ Items []struct{} }
	err := b.api.get(ctx, "/api/v1/"+resource, onlyNames, &found)
	return len(found.Items), err
}

func environment(kubeconfig, dir string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LANG") || strings.HasPrefix(v, "LC_") })
	return append(kept, "KUBECONFIG="+kubeconfig, "FAIRLEAD_CONFIG_DIR="+filepath.Join(dir, "config"), "NO_PROXY=*", "no_proxy=*")
}

// time runs a program once. That it found something is no failure.
func (b *bench) time(ctx context.Context, p program) (figures, error) {
	command := exec.CommandContext(ctx, p.path, p.args...) //nolint:gosec // it runs what it is told to run
	command.Env = environment(b.stage.Cluster.Kubeconfig, b.stage.Dir)
	started := time.Now()
	if err := command.Start(); err != nil {
		return figures{}, err
	}
	ended, most := make(chan struct{}), make(chan int64, 1)
	go func() { most <- watch(command.Process.Pid, ended) }()
	err := command.Wait()
	f := figures{wall: time.Since(started)}
	close(ended)
	f.memory = <-most
	var code *exec.ExitError
	if err != nil && (!errors.As(err, &code) || code.ExitCode() < 0) {
		return f, fmt.Errorf("run %s: %w", p.name, err)
	}
	f.processor = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	if f.memory == 0 {
		return f, fmt.Errorf("%s was over before its memory could be read", p.name)
	}
	return f, nil
}

// watch returns the most memory that a process had, until it has ended.
func watch(pid int, ended <-chan struct{}) int64 {
	tick := time.NewTicker(sampling)
	defer tick.Stop()
	var most int64
	for {
		most = max(most, resident(pid))
		select {
		case <-ended:
			return most
		case <-tick.C:
		}
	}
}

// resident reads the kernel's high-water mark; it is zero when the process has none any more.
func resident(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if text, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}
