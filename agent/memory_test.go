package agent_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent"
	"github.com/fairlead/fairlead/agent/settings"
)

// The aims of docs/architecture.md for agents that have nothing to do, in KiB.
const (
	edgeAim     = 40 << 10
	standardAim = 200 << 10
)

func TestIdleMemory(t *testing.T) {
	if testing.Short() || os.Getenv(kubeconfigVariable) == "" {
		t.Skip("builds the binary and needs a cluster")
	}
	binary := filepath.Join(t.TempDir(), "fairlead")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", binary, "../cmd/fairlead")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	binary = unpacked(t, binary)
	h := newHub(t, "memory")
	c := newCluster(t, h, "standard")

	total := 0
	for _, name := range agent.Names() {
		total += c.idle(binary, name, name)
	}
	t.Logf("standard: %d KiB in %d processes", total, len(agent.Names()))
	if total > standardAim {
		t.Errorf("standard needs %d KiB, aim %d", total, standardAim)
	}
	if edge := c.idle(binary, fairlead.EdgeAgent, agent.Names()...); edge > edgeAim {
		t.Errorf("edge needs %d KiB, aim %d", edge, edgeAim)
	}
}

// unpacked copies the binary in the small writes with which images are unpacked. The kernel caches a file in
// pieces as large as it was written in and maps whole pieces: a linker's output looks far more resident.
func unpacked(t *testing.T, binary string) string {
	t.Helper()
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(binary+"-unpacked", os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for part := range slices.Chunk(content, 32<<10) {
		if _, err := file.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	return file.Name()
}

// idle runs agents as a process of their own, as the pod does, and returns its resident memory in KiB
// after it has settled.
func (c *cluster) idle(binary, title string, agents ...string) int {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	args := append([]string{"agent", "--metrics-address", "127.0.0.1:0", "--kubeconfig", c.kubeconfig}, agents...)
	command := exec.CommandContext(ctx, binary, args...)
	command.Env = c.processEnvironment()
	if err := command.Start(); err != nil {
		c.t.Fatal(err)
	}
	defer command.Wait() //nolint:errcheck // it is killed
	defer cancel()
	select {
	case <-ctx.Done():
	case <-time.After(15 * time.Second):
	}
	anonymous, file := resident(c.t, command.Process.Pid)
	c.t.Logf("%s ×%d: %d KiB, of which %d KiB are its own and %d KiB pages of the binary", title, len(agents), anonymous+file, anonymous, file)
	return anonymous + file
}

func (c *cluster) processEnvironment() []string {
	get := c.environment()
	all := []string{"GOGC=40", "GOMEMLIMIT=64MiB", "HOME=" + c.t.TempDir()}
	for _, key := range []string{
		fairlead.KeySubscription, fairlead.KeyResourceGroup, fairlead.KeyResourceName, fairlead.KeyRegion, fairlead.KeyDataPlane, settings.HubCA,
	} {
		all = append(all, key+"="+get(key))
	}
	return all
}

func resident(t *testing.T, pid int) (anonymous, file int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		value, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "RssAnon:":
			anonymous = value
		case "RssFile:":
			file = value
		}
	}
	return anonymous, file
}
