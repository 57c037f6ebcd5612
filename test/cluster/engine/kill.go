package engine

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// Kill ends a process of the cluster, such as kube-apiserver, as kill -9 does, and returns when its supervisor has started the next.
func (c *Cluster) Kill(ctx context.Context, name string) error {
	before, err := c.processNumber(name)
	if err != nil {
		return err
	}
	if _, err := output(c.killer(ctx, before), "kill "+name); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = poll(patience, 20*time.Millisecond, func() (bool, error) {
		now, err := c.processNumber(name)
		return now != before && now != 0, err
	})
	if err != nil {
		return fmt.Errorf("%s was not started again: %w", name, err)
	}
	return nil
}

// killer works where the supervisor is: a full node's numbers are not the host's.
func (c *Cluster) killer(ctx context.Context, number int) *exec.Cmd {
	kill := []string{"sh", "-c", "kill -KILL " + strconv.Itoa(number)}
	if c.record.Kind == FullNode {
		kill = append([]string{"nsenter", "--target", strconv.Itoa(c.record.Supervisor.PID), "--pid", "--"}, kill...)
	}
	return command(ctx, kill[0], kill[1:]...)
}

// processNumber is that of a process as its supervisor knows it; 0 while it does not run.
func (c *Cluster) processNumber(name string) (int, error) {
	all, err := c.Processes()
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(all, func(p spec.Report) bool { return p.Name == name })
	if at < 0 {
		return 0, fmt.Errorf("the cluster has no process %s", name)
	}
	return all[at].PID, nil
}
