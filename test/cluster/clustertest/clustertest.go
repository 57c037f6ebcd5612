// Package clustertest gives a test a real Kubernetes cluster and takes it away when the test ends. Package engine does the work;
// this one turns errors into failures of the test.
package clustertest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// Cluster is a cluster for one test. What can only fail when the bench is broken ends the test by itself.
type Cluster struct {
	*engine.Cluster

	t   testing.TB
	ctx context.Context //nolint:containedctx // the test's; it outlives the calls
}

// Option changes what Start starts.
type Option func(*engine.Config)

// FullNode asks for a node that runs pods, instead of a control plane alone. The test is skipped when it does not run as root.
func FullNode() Option {
	return func(c *engine.Config) { c.Kind = engine.FullNode }
}

// Hostnames makes names lead to HostAddress, on the node and in pods.
func Hostnames(names ...string) Option {
	return func(c *engine.Config) { c.Hostnames = append(c.Hostnames, names...) }
}

// Name names the cluster; without it, the name is made from the process and a number.
func Name(name string) Option {
	return func(c *engine.Config) { c.Name = name }
}

// Start brings up a cluster that ends with the test, even when the test process is killed.
func Start(t testing.TB, options ...Option) *Cluster {
	t.Helper()
	config := engine.Config{Name: uniqueName(), Progress: progress{t}}
	for _, option := range options {
		option(&config)
	}
	if config.Kind == engine.FullNode && os.Geteuid() != 0 {
		t.Skip("a full node needs root, for namespaces, mounts and links")
	}
	started, err := engine.Start(t.Context(), config)
	if err != nil {
		t.Fatalf("start cluster: %v", err)
	}
	c := &Cluster{Cluster: started, t: t, ctx: t.Context()}
	t.Cleanup(c.end)
	return c
}

// uniqueName differs from that of any other test on this machine, in this process or another.
func uniqueName() string {
	return fmt.Sprintf("test-%d-%d", os.Getpid(), sequence.Add(1))
}

// The one variable of the package: two clusters of one test process must not share a name.
var sequence atomic.Int64 //nolint:gochecknoglobals // see above

func (c *Cluster) end() {
	c.keepLogs()
	// The test's context is over by now.
	if err := c.Stop(context.WithoutCancel(c.ctx)); err != nil {
		c.t.Errorf("stop cluster: %v", err)
	}
}

// keepLogs copies the logs of a failed test to where "go test -artifacts" keeps things.
func (c *Cluster) keepLogs() {
	if !c.t.Failed() {
		return
	}
	dir := c.t.ArtifactDir() + "/" + c.Name
	if err := os.CopyFS(dir, os.DirFS(c.LogDir)); err != nil {
		c.t.Logf("keep logs: %v", err)
		return
	}
	c.t.Logf("logs of cluster %s (kept with go test -artifacts): %s", c.Name, dir)
}

// progress writes the steps of a start to the test's log.
type progress struct{ t testing.TB }

func (p progress) Write(line []byte) (int, error) {
	p.t.Helper()
	p.t.Log(strings.TrimRight(string(line), "\n"))
	return len(line), nil
}
