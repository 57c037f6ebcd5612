package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Stop ends the cluster and removes every trace of it. Stopping twice does no harm.
func (c *Cluster) Stop(ctx context.Context) error {
	if err := unlink(ctx, c.record); err != nil {
		return err
	}
	if c.leash != nil {
		_ = c.leash.Close()
	}
	err := remove(ctx, c.state, c.record)
	if c.supervisor != nil {
		_ = c.supervisor.Wait() // how it ended does not matter, only that it did
		c.supervisor = nil
	}
	return err
}

// Remove ends the cluster of that name, in whatever condition it is, and removes every trace of it.
func Remove(ctx context.Context, dir, name string) error {
	state := stateDir(dir, name)
	r, err := readRecord(state)
	if err != nil {
		return fmt.Errorf("cluster %q: %w", name, err)
	}
	return remove(ctx, state, r)
}

func remove(ctx context.Context, state string, r record) error {
	if err := errors.Join(unlink(ctx, r), r.Supervisor.end(ctx)); err != nil {
		return fmt.Errorf("stop cluster %s: %w", r.Name, err)
	}
	if _, err := os.Stat(state); err != nil {
		return nil // the supervisor removed it after all the rest; the name may have a new owner by now
	}
	if r.Kind == FullNode {
		if err := removeCgroups(ctx, cgroup(r.Name)); err != nil {
			return fmt.Errorf("stop cluster %s: %w", r.Name, err)
		}
	}
	// Mounts of a killed one take a moment to go.
	patience, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var err error
	gone := poll(patience, 50*time.Millisecond, func() (bool, error) { err = os.RemoveAll(state); return err == nil, nil })
	if gone != nil {
		return fmt.Errorf("stop cluster %s: %w", r.Name, err)
	}
	return nil
}

// unlink takes the link away while it is certainly this cluster's: the kernel removes the link of a dead cluster by itself, some time
// later, and then the next cluster may use its name.
func unlink(ctx context.Context, r record) error {
	if !r.Supervisor.alive() {
		return nil
	}
	return removeLink(ctx, r.Link)
}

// Sweep removes clusters whose supervisor is dead, such as those of a machine that was switched off.
func Sweep(ctx context.Context, dir string) error {
	names, err := List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		r, err := readRecord(stateDir(dir, name))
		if err != nil || r.alive() {
			continue
		}
		if err := remove(ctx, stateDir(dir, name), r); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

// List names the clusters that run or have left something.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(clustersDir(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}
