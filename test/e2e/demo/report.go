package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// fairlead runs the command line with its output on ours.
func (d *demo) fairlead(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, d.cli.Binary, args...)
	command.Env = d.cli.Environment()
	command.Stdout, command.Stderr = d.out, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = time.Minute
	if err := command.Run(); err != nil {
		return fmt.Errorf("fairlead %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func (d *demo) kubectl(ctx context.Context, args ...string) (string, error) {
	if d.cluster != nil {
		return d.cluster.Kubectl(ctx, args...)
	}
	out, err := exec.CommandContext(ctx, "kubectl", args...).CombinedOutput()
	return string(out), err
}

func (d *demo) awaitPods(ctx context.Context) error {
	_, err := d.kubectl(ctx, "wait", "--for=condition=Available", "deployments", "--all", "-n", "azure-arc", "--timeout=120s")
	return err
}

// report prints what there is to see, what it took, and what to try next.
func (d *demo) report(ctx context.Context) error {
	fmt.Fprintln(d.out, "\nInventory")
	if err := d.fairlead(ctx, "connectedk8s", "list", "-o", "table"); err != nil {
		return err
	}
	fmt.Fprintln(d.out, "\nAgents")
	pods, err := d.kubectl(ctx, "get", "deployments,pods", "-n", "azure-arc")
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out, strings.TrimSpace(pods))
	if !d.pods() {
		fmt.Fprintln(d.out, "No kubelet here, so these pods stay Pending; the same agents run as one process, whose log is "+d.agentsDaemon().LogFile())
	}
	fmt.Fprintln(d.out, "\nWhat it took")
	for _, step := range d.took {
		fmt.Fprintf(d.out, "  %-40s %8s\n", step.step, step.elapsed.Round(100*time.Millisecond))
	}
	d.next()
	return nil
}

func (d *demo) next() {
	fmt.Fprintf(d.out, "\nTry next (after: export FAIRLEAD_CONFIG_DIR=%s KUBECONFIG=%s)\n", d.cli.ConfigDir, d.cli.Kubeconfig)
	for _, command := range []string{
		"connectedk8s show -n " + demoName + " -g default -o yaml",
		"connectedk8s update -n " + demoName + " -g default --tags site=quay shift=night",
		"connectedk8s delete -n " + demoName + " -g default",
	} {
		fmt.Fprintf(d.out, "  %s %s\n", d.cli.Binary, command)
	}
	fmt.Fprintln(d.out, "and, when you have seen enough: make demo-down")
}
