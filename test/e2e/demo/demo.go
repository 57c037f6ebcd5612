package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/recipe"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	clusterName = "fairlead-demo"
	demoName    = "demo-1"
	hubPort     = "8443"
)

// demo is what up builds and down removes.
type demo struct {
	out     io.Writer
	dir     string
	current bool
	hub     *rig.Hub
	cli     rig.CLI
	cluster *engine.Cluster // nil with the current kubeconfig's cluster

	took []timing
}

type timing struct {
	step    string
	elapsed time.Duration
}

func (d *demo) up(ctx context.Context) error {
	if err := d.take(ctx, d.steps()); err != nil {
		return err
	}
	return d.report(ctx)
}

// take takes steps, and tells how long each took.
func (d *demo) take(ctx context.Context, steps []step) error {
	for _, step := range steps {
		if step.when != nil && !step.when() {
			continue
		}
		fmt.Fprintf(d.out, "▸ %s\n", step.name)
		started := time.Now()
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		elapsed := time.Since(started)
		d.took = append(d.took, timing{step.name, elapsed})
		fmt.Fprintf(d.out, "  done in %s\n", elapsed.Round(100*time.Millisecond))
	}
	return nil
}

// step is one line of the demo; when, if there, says whether it is needed.
type step struct {
	name string
	run  func(context.Context) error
	when func() bool
}

func (d *demo) steps() []step {
	return []step{
		{"get a cluster", d.startCluster, nil},
		{"start the hub", d.startHub, nil},
		{"let the node trust the hub's registry", d.trust, d.pods},
		{"sign in", d.signIn, nil},
		{"start the agents as processes", d.startAgents, func() bool { return !d.pods() }},
		{"connect the cluster", d.connect, nil},
		{"wait for the agents' pods", d.awaitPods, d.pods},
	}
}

func (d *demo) startCluster(ctx context.Context) error {
	if d.current {
		d.cli.Kubeconfig = os.Getenv("KUBECONFIG")
		return nil
	}
	cluster, err := openCluster()
	if errors.Is(err, engine.ErrNotFound) {
		cluster, err = engine.Start(ctx, engine.Config{Name: clusterName, Kind: d.kind(), Detached: true, Progress: d.out})
	}
	if err != nil {
		return err
	}
	d.cluster, d.cli.Kubeconfig = cluster, cluster.Kubeconfig
	return nil
}

func (d *demo) kind() engine.Kind {
	if os.Geteuid() == 0 {
		return engine.FullNode
	}
	fmt.Fprintln(d.out, "  not root: the control plane alone, and the agents as processes instead of pods")
	return engine.ControlPlane
}

// pods reports whether the agents run as pods.
func (d *demo) pods() bool { return d.current || d.cluster.Kind == engine.FullNode }

func (d *demo) hubDaemon() rig.Daemon { return rig.Daemon{Name: "hub-process", Dir: d.dir} }

func (d *demo) agentsDaemon() rig.Daemon { return rig.Daemon{Name: "agents", Dir: d.dir} }

func (d *demo) startHub(ctx context.Context) error {
	host, err := d.hubHost(ctx)
	if err != nil {
		return err
	}
	d.hub.Address = host + ":" + hubPort
	if d.hubDaemon().Running() {
		fmt.Fprintln(d.out, "  runs already at "+d.hub.URL())
		return d.hub.WaitReady(ctx, d.hubDaemon().LogFile())
	}
	if err := d.hubDaemon().Start(d.hub.Binary, d.hub.Args()...); err != nil {
		return err
	}
	return d.hub.WaitReady(ctx, d.hubDaemon().LogFile())
}

// hubHost is the address of this machine that the cluster reaches.
func (d *demo) hubHost(ctx context.Context) (string, error) {
	if !d.current {
		return d.cluster.HostAddress, nil
	}
	return rig.OutwardAddress(ctx)
}

func (d *demo) trust(context.Context) error {
	if d.current {
		fmt.Fprintf(d.out, "  your nodes must trust %s for %s; docs/operations.md tells how\n", d.hub.CAFile(), d.hub.Address)
		return nil
	}
	authority, err := os.ReadFile(d.hub.CAFile())
	if err != nil {
		return err
	}
	return d.cluster.TrustRegistry(d.hub.Address, authority)
}

func (d *demo) signIn(ctx context.Context) error {
	return d.fairlead(ctx, "login", "--credential-file", d.hub.CredentialFile(), "-o", "none")
}

func (d *demo) startAgents(context.Context) error {
	if d.agentsDaemon().Running() {
		return nil
	}
	return d.agentsDaemon().Start(d.hub.Binary, "agent", "clusteridentityoperator", "cluster-metadata-operator", "config-agent",
		"metrics-agent", "--kubeconfig", d.cli.Kubeconfig, "--metrics-address", "127.0.0.1:0")
}

func (d *demo) connect(ctx context.Context) error {
	return d.fairlead(ctx, "connectedk8s", "connect", "-n", demoName, "-g", "default", "--tags", "purpose=demo", "--onboarding-timeout", "300", "-o", "none")
}

func (d *demo) down(ctx context.Context) error {
	var failed []error
	if d.current {
		failed = append(failed, d.disconnect(ctx))
	}
	failed = append(failed, d.agentsDaemon().Stop(), d.stopCluster(ctx), d.gitDaemon().Stop(), d.hubDaemon().Stop())
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("remove %s: %w", d.dir, err)
	}
	fmt.Fprintln(d.out, "the demo is gone: hub, cluster and state")
	return nil
}

func (d *demo) disconnect(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(d.dir, "config")); err != nil {
		return nil //nolint:nilerr // never signed in, so nothing was connected
	}
	d.cli.Kubeconfig = os.Getenv("KUBECONFIG")
	return d.fairlead(ctx, "connectedk8s", "delete", "-n", demoName, "-g", "default", "--yes")
}

func (d *demo) stopCluster(ctx context.Context) error {
	cluster, err := openCluster()
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return cluster.Stop(ctx)
}

func openCluster() (*engine.Cluster, error) {
	dir, err := recipe.DefaultDir()
	if err != nil {
		return nil, err
	}
	return engine.Open(dir, clusterName)
}
