package engine

import (
	"context"
	"fmt"

	"github.com/fairlead/fairlead/test/cluster/image"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// LoadImage puts the images of a tar file (as docker save, or OCI layout) on the node. Pods use them with imagePullPolicy Never or IfNotPresent.
func (c *Cluster) LoadImage(ctx context.Context, tarPath string) error {
	_, err := c.ctr(ctx, "images", "import", tarPath)
	return err
}

// RemoveImage takes an image off the node, so that the next pod has to pull it.
func (c *Cluster) RemoveImage(ctx context.Context, reference string) error {
	_, err := c.ctr(ctx, "images", "remove", "--sync", reference)
	return err
}

// Images lists the references of the images on the node.
func (c *Cluster) Images(ctx context.Context) (string, error) {
	return c.ctr(ctx, "images", "list", "--quiet")
}

// ctr speaks to the node's containerd: its socket is reached through the root folder of process 1.
func (c *Cluster) ctr(ctx context.Context, args ...string) (string, error) {
	if err := c.needsNode("images"); err != nil {
		return "", err
	}
	address := fmt.Sprintf("/proc/%d/root%s", c.record.Supervisor.PID, socket)
	cmd := command(ctx, "ctr", append([]string{"--address", address, "--namespace", "k8s.io"}, args...)...)
	return output(cmd, "ctr "+args[0]+" "+args[1])
}

// loadOwnImages loads what pods need before any image of the user: the sandbox and the DNS server.
func (b *builder) loadOwnImages(ctx context.Context) error {
	err := b.await(ctx, "containerd", func(ctx context.Context) bool {
		_, err := b.cluster.Images(ctx)
		return err == nil
	})
	if err != nil {
		return err
	}
	for program, reference := range map[recipe.Program]string{recipe.Pause: pauseImage, recipe.CoreDNS: coreDNSImage} {
		file, err := b.cluster.program(program)
		if err != nil {
			return err
		}
		inside := "/" + string(program)
		if err := b.cluster.LoadScratch(ctx, image.Scratch{Reference: reference, Files: map[string]string{inside: file}, Entrypoint: []string{inside}}); err != nil {
			return err
		}
	}
	return nil
}
