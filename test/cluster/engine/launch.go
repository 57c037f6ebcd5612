package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/fairlead/fairlead/test/cluster/recipe"
	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// launch starts the supervisor, which then waits to be told what to run: its namespaces must exist before addresses can.
func (b *builder) launch(context.Context) error {
	if err := b.makeFolders(); err != nil {
		return err
	}
	cmd, err := b.supervisorCommand()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(b.cluster.LogDir, "supervisor.log"))
	if err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if b.cluster.leash, err = cmd.StdinPipe(); err != nil {
		return fmt.Errorf("make leash: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	b.cluster.supervisor = cmd
	b.cluster.record.Supervisor = identify(cmd.Process.Pid)
	return b.cluster.record.write(b.cluster.state)
}

func (b *builder) supervisorCommand() (*exec.Cmd, error) {
	path, err := b.cluster.program(recipe.Supervisor)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path) //nolint:noctx,gosec // it outlives the context of its start, and is our own
	cmd.Dir = "/"
	// Only what programs need: proxies and credentials of the user's shell are none of the cluster's business.
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	// A session of its own, or Ctrl-C in the terminal would reach it before we decide what to undo.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if b.cluster.Kind == FullNode {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	}
	return cmd, nil
}

// release tells the supervisor what to run.
func (b *builder) release(context.Context) error {
	told, err := b.spec()
	if err != nil {
		return err
	}
	r := &b.cluster.record
	r.Server, r.HostAddress, r.NodeAddress = b.cluster.Server, b.cluster.HostAddress, b.cluster.NodeAddress
	if err := r.write(b.cluster.state); err != nil {
		return err
	}
	if err := json.NewEncoder(b.cluster.leash).Encode(told); err != nil {
		return fmt.Errorf("tell supervisor: %w", err)
	}
	return nil
}

// Processes tells how each process of the cluster is.
func (c *Cluster) Processes() ([]spec.Report, error) {
	content, err := os.ReadFile(filepath.Join(c.state, "processes.json"))
	if err != nil {
		return nil, fmt.Errorf("read report of the supervisor: %w", err)
	}
	var all []spec.Report
	if err := json.Unmarshal(content, &all); err != nil {
		return nil, fmt.Errorf("parse report of the supervisor: %w", err)
	}
	return all, nil
}
