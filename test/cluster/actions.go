package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

func (c *command) up(ctx context.Context) error {
	if running, err := engine.Open(c.dir, c.name); err == nil && running.Ready() {
		return c.alreadyUp(running)
	}
	begin := time.Now()
	say(c.complaints, "Starting cluster %q (%s)", c.name, c.kind())
	cluster, err := engine.Start(ctx, engine.Config{
		Name: c.name, Kind: c.kind(), Hostnames: c.hostnames, Detached: true, Dir: c.dir, Progress: c.complaints,
	})
	if err != nil {
		return err
	}
	say(c.complaints, "Cluster %q is ready after %.1fs. Host %s, node %s, logs in %s",
		c.name, time.Since(begin).Seconds(), cluster.HostAddress, cluster.NodeAddress, cluster.LogDir)
	say(c.out, "%s", cluster.Kubeconfig)
	return nil
}

func (c *command) kind() engine.Kind {
	if c.controlPlane {
		return engine.ControlPlane
	}
	return engine.FullNode
}

func (c *command) alreadyUp(cluster *engine.Cluster) error {
	if cluster.Kind != c.kind() {
		return fmt.Errorf("cluster %q runs as %s, not %s; take it down first, or use another --name", c.name, cluster.Kind, c.kind())
	}
	say(c.complaints, "Cluster %q is up already", c.name)
	say(c.out, "%s", cluster.Kubeconfig)
	return nil
}

func (c *command) down(ctx context.Context) error {
	names := []string{c.name}
	if c.all {
		var err error
		if names, err = engine.List(c.dir); err != nil {
			return err
		}
	}
	for _, name := range names {
		begin := time.Now()
		err := engine.Remove(ctx, c.dir, name)
		if errors.Is(err, engine.ErrNotFound) {
			say(c.complaints, "Cluster %q is not there", name)
			continue
		}
		if err != nil {
			return err
		}
		say(c.complaints, "Cluster %q is gone (%.1fs)", name, time.Since(begin).Seconds())
	}
	return nil
}

func (c *command) kubeconfig(context.Context) error {
	cluster, err := engine.Open(c.dir, c.name)
	if err != nil {
		return err
	}
	say(c.out, "%s", cluster.Kubeconfig)
	return nil
}

func (c *command) load(ctx context.Context) error {
	if len(c.args) == 0 {
		return fmt.Errorf("load which image? %w", errUsage)
	}
	cluster, err := engine.Open(c.dir, c.name)
	if err != nil {
		return err
	}
	for _, tar := range c.args {
		begin := time.Now()
		if err := cluster.LoadImage(ctx, tar); err != nil {
			return fmt.Errorf("load %s: %w", tar, err)
		}
		say(c.complaints, "  ✓ %s (%.1fs)", tar, time.Since(begin).Seconds())
	}
	return nil
}

func (c *command) logs(context.Context) error {
	cluster, err := engine.Open(c.dir, c.name)
	if err != nil {
		return err
	}
	if len(c.args) == 0 {
		return filepath.WalkDir(cluster.LogDir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				say(c.out, "%s", path)
			}
			return err
		})
	}
	for _, process := range c.args {
		if err := c.printLog(cluster.LogDir, process); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) printLog(dir, process string) error {
	file, err := os.DirFS(dir).Open(process + ".log")
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = file.Close() }()
	_, err = io.Copy(c.out, file)
	return err
}

func (c *command) status(context.Context) error {
	names := []string{c.name}
	if !c.named {
		var err error
		if names, err = engine.List(c.dir); err != nil {
			return err
		}
	}
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	say(table, "NAME\tKIND\tREADY\tSERVER\tHOST ADDRESS")
	for _, name := range names {
		cluster, err := engine.Open(c.dir, name)
		if err != nil && c.named {
			return err
		}
		if err != nil {
			say(table, "%s\tstopped, or being started\t\t\t", name)
			continue
		}
		say(table, "%s\t%s\t%t\t%s\t%s", name, cluster.Kind, cluster.Ready(), cluster.Server, cluster.HostAddress)
		if c.named {
			printProcesses(table, cluster)
		}
	}
	return nil
}

func printProcesses(table io.Writer, cluster *engine.Cluster) {
	processes, err := cluster.Processes()
	if err != nil {
		return // being started
	}
	say(table, "\nPROCESS\tRESTARTS\tLAST EXIT")
	for _, p := range processes {
		say(table, "%s\t%d\t%s", p.Name, p.Restarts, p.LastExit)
	}
}

// say writes a line; a reader who has gone away is no failure of what was done.
func say(to io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(to, format+"\n", args...)
}
