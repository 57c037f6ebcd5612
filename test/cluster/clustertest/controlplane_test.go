package clustertest_test

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/clustertest"
	"github.com/fairlead/fairlead/test/cluster/engine"
)

func TestControlPlane(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t)

	t.Run("ReportsItsVersion", func(t *testing.T) {
		if out := kubectl(t, c, "version", "-o", "json"); !strings.Contains(out, `"gitVersion": "v1.34.1"`) {
			t.Errorf("kubectl version = %s", out)
		}
	})
	t.Run("HasALinuxNode", func(t *testing.T) {
		out := kubectl(t, c, "get", "nodes", "-l", "kubernetes.io/os=linux,kubernetes.io/arch=amd64", "--no-headers")
		if !strings.Contains(out, " Ready ") {
			t.Errorf("kubectl get nodes = %q", out)
		}
	})
	t.Run("NamespaceComesAndGoes", func(t *testing.T) { namespaceComesAndGoes(t, c) })
	t.Run("TaintedWindowsNode", func(t *testing.T) { taintedWindowsNode(t, c) })
	t.Run("APIServerKilled", func(t *testing.T) { apiServerComesBack(t, c) })
	t.Run("TwoSideBySide", func(t *testing.T) { twoSideBySide(t, c) })
	t.Run("NameIsTaken", func(t *testing.T) {
		if _, err := engine.Start(t.Context(), engine.Config{Name: c.Name}); err == nil {
			t.Error("a second cluster took the same name")
		}
	})
}

// kubectl fails the running subtest, not the one that started the cluster.
func kubectl(t *testing.T, c *clustertest.Cluster, args ...string) string {
	t.Helper()
	out, err := c.Cluster.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// apiServerComesBack kills the API server, and looks for what was in it.
func apiServerComesBack(t *testing.T, c *clustertest.Cluster) {
	kubectl(t, c, "create", "namespace", "mole")
	c.Kill("kube-apiserver")
	deadline := time.Now().Add(time.Minute)
	for {
		out, err := c.Cluster.Kubectl(t.Context(), "get", "namespace", "mole", "-o", "name")
		if err == nil && strings.TrimSpace(out) == "namespace/mole" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a minute: %v %s", err, out)
		}
	}
	if err := c.Cluster.Kill(t.Context(), "kube-nothing"); err == nil {
		t.Error("a process that is not there was killed")
	}
}

func namespaceComesAndGoes(t *testing.T, c *clustertest.Cluster) {
	lines := watch(t, c, "namespaces")
	kubectl(t, c, "create", "namespace", "harbour")
	expect(t, lines, "ADDED harbour")
	kubectl(t, c, "delete", "namespace", "harbour", "--timeout=30s")
	expect(t, lines, "DELETED harbour")
}

// watch streams "EVENT NAME" lines until the test ends.
func watch(t *testing.T, c *clustertest.Cluster, kind string) <-chan string {
	t.Helper()
	program, err := c.Program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "--kubeconfig", c.Kubeconfig, "get", kind, "--watch", "--output-watch-events", "--no-headers", "-o", "custom-columns=T:.type,N:.object.metadata.name")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- strings.Join(strings.Fields(scanner.Text()), " ")
		}
	}()
	t.Cleanup(func() { cancel(); <-done; _ = cmd.Wait() })
	return lines
}

func expect(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line := <-lines:
			if line == want {
				return
			}
		case <-deadline:
			t.Fatalf("no %q within 30s", want)
		}
	}
}

func twoSideBySide(t *testing.T, first *clustertest.Cluster) {
	second := clustertest.Start(t)
	kubectl(t, first, "create", "namespace", "only-here")
	if out, err := second.TryKubectl("get", "namespace", "only-here"); err == nil {
		t.Errorf("both clusters have it: %s", out)
	}
}

func taintedWindowsNode(t *testing.T, c *clustertest.Cluster) {
	c.AddNode(engine.FakeNode{Name: "win-1", OS: "windows", Taints: []map[string]string{{"key": "os", "value": "windows", "effect": "NoSchedule"}}})
	out := kubectl(t, c, "get", "node", "win-1", "-o", "jsonpath={.status.nodeInfo.operatingSystem} {.spec.taints[?(@.key=='os')].effect} {.status.conditions[0].status}")
	if out != "windows NoSchedule True" {
		t.Errorf("node = %q", out)
	}
}
