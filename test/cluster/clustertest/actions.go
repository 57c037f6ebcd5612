package clustertest

import (
	"strings"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// Kubectl runs kubectl as cluster administrator and returns what it prints. The test ends when it fails.
func (c *Cluster) Kubectl(args ...string) string {
	c.t.Helper()
	out, err := c.TryKubectl(args...)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// TryKubectl is Kubectl for what may fail.
func (c *Cluster) TryKubectl(args ...string) (string, error) {
	return c.Cluster.Kubectl(c.ctx, args...)
}

// Apply applies a manifest.
func (c *Cluster) Apply(manifest string) {
	c.t.Helper()
	if out, err := c.KubectlInput(c.ctx, strings.NewReader(manifest), "apply", "-f", "-"); err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
}

// LoadImage puts the images of a tar file on the node.
func (c *Cluster) LoadImage(tarPath string) {
	c.t.Helper()
	if err := c.Cluster.LoadImage(c.ctx, tarPath); err != nil {
		c.t.Fatalf("load image: %v", err)
	}
}

// RemoveImage takes an image off the node, so that the next pod has to pull it.
func (c *Cluster) RemoveImage(reference string) {
	c.t.Helper()
	if err := c.Cluster.RemoveImage(c.ctx, reference); err != nil {
		c.t.Fatalf("remove image: %v", err)
	}
}

// Kill ends a process of the cluster, such as kube-apiserver, and returns when its supervisor has started the next.
func (c *Cluster) Kill(name string) {
	c.t.Helper()
	if err := c.Cluster.Kill(c.ctx, name); err != nil {
		c.t.Fatalf("kill %s: %v", name, err)
	}
}

// CutNetwork drops every packet between the node with its pods and an address of this host, both ways.
// The API server stays reachable for the test.
func (c *Cluster) CutNetwork(address string) {
	c.t.Helper()
	if err := c.Cluster.CutNetwork(c.ctx, address); err != nil {
		c.t.Fatalf("cut network: %v", err)
	}
}

// RestoreNetwork undoes CutNetwork.
func (c *Cluster) RestoreNetwork(address string) {
	c.t.Helper()
	if err := c.Cluster.RestoreNetwork(c.ctx, address); err != nil {
		c.t.Fatalf("restore network: %v", err)
	}
}

// AddNode registers a node that nobody runs, such as one of another system or architecture.
func (c *Cluster) AddNode(node engine.FakeNode) {
	c.t.Helper()
	if err := c.Cluster.AddNode(c.ctx, node); err != nil {
		c.t.Fatal(err)
	}
}

// LoadFlux puts controllers of Flux on the node.
func (c *Cluster) LoadFlux() {
	c.t.Helper()
	if err := c.Cluster.LoadFlux(c.ctx, progress{c.t}); err != nil {
		c.t.Fatalf("load Flux: %v", err)
	}
}
