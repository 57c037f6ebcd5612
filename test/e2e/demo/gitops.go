package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const gitPort = "8418"

// gitops shows a cluster that follows a repository: from one commit to the next.
func (d *demo) gitops(ctx context.Context) error {
	if d.current || os.Geteuid() != 0 {
		return errors.New("this needs the throwaway cluster with a node: run it as root, with --cluster bench")
	}
	if err := d.take(ctx, d.steps()); err != nil {
		return err
	}
	if d.cluster.Kind != engine.FullNode {
		return errors.New("the demo's cluster has no node: make demo-down first")
	}
	steps := []step{
		{"put the controllers of Flux on the node", func(ctx context.Context) error { return d.cluster.LoadFlux(ctx, d.out) }, nil},
		{"serve a repository", d.startGit, nil},
		{"install the extension microsoft.flux", d.installFlux, nil},
		{"commit a shop", func(ctx context.Context) error { return d.commitShop(ctx, "open from 9 to 17") }, nil},
		{"have the cluster follow the repository", d.follow, nil},
		{"wait until the cluster is as the repository says", func(ctx context.Context) error { return d.opens(ctx, "open from 9 to 17") }, nil},
		{"commit other hours", func(ctx context.Context) error { return d.commitShop(ctx, "open from 8 to 20") }, nil},
		{"wait until the cluster is as the repository says", func(ctx context.Context) error { return d.opens(ctx, "open from 8 to 20") }, nil},
	}
	if err := d.take(ctx, steps); err != nil {
		return err
	}
	if err := d.fairlead(ctx, append([]string{"k8s-configuration", "flux", "list", "-o", "table"}, d.onCluster()...)...); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nThe repository is %s; commit to %s, branch main, and watch (after: export FAIRLEAD_CONFIG_DIR=%s KUBECONFIG=%s):\n  %s k8s-configuration flux show %s -n shop --watch\nThe extension runs two of Flux' controllers here. make demo-down removes everything.\n",
		rig.GitURL(d.gitAddress()), filepath.Join(d.dir, "git", "work"), d.cli.ConfigDir, d.cli.Kubeconfig, d.cli.Binary, strings.Join(d.onCluster(), " "))
	return nil
}

func (d *demo) onCluster() []string {
	return []string{"-g", "default", "-c", demoName, "-t", "connectedClusters"}
}

func (d *demo) gitDaemon() rig.Daemon { return rig.Daemon{Name: "git", Dir: d.dir} }

func (d *demo) gitAddress() string { return net.JoinHostPort(d.cluster.HostAddress, gitPort) }

// startGit starts this program once more, for it has to outlive this run.
func (d *demo) startGit(context.Context) error {
	if d.gitDaemon().Running() {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return d.gitDaemon().Start(self, "serve-git", "--dir", d.dir)
}

// serveGit serves the repository until it is told to end.
func (d *demo) serveGit(ctx context.Context) error {
	var err error
	if d.cluster, err = openCluster(); err != nil {
		return err
	}
	git, err := rig.OpenGit(ctx, filepath.Join(d.dir, "git"))
	if err != nil {
		return err
	}
	server, err := git.Serve(ctx, d.gitAddress())
	if err != nil {
		return err
	}
	<-ctx.Done()
	return server.Close()
}

// installFlux leaves out the controllers that the bench does not build.
func (d *demo) installFlux(ctx context.Context) error {
	return d.fairlead(ctx, append([]string{
		"k8s-extension", "create", "-n", "flux", "--extension-type", "microsoft.flux", "-o", "none",
		"--config", "helm-controller.enabled=false", "notification-controller.enabled=false",
	}, d.onCluster()...)...)
}

func (d *demo) commitShop(ctx context.Context, hours string) error {
	git, err := rig.OpenGit(ctx, filepath.Join(d.dir, "git"))
	if err != nil {
		return err
	}
	commit, err := git.Commit(ctx, hours, map[string]string{
		"shop/hours.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hours, namespace: shop}\ndata: {hours: " + hours + "}\n",
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  %s: %s\n", commit[:12], hours)
	return nil
}

func (d *demo) follow(ctx context.Context) error {
	return d.fairlead(ctx, append([]string{
		"k8s-configuration", "flux", "create", "-n", "shop", "--namespace", "shop", "-u", rig.GitURL(d.gitAddress()), "--branch", "main", "--interval", "5s",
		"--kustomization", "name=shop", "path=./shop", "prune=true", "interval=5s", "-o", "none",
	}, d.onCluster()...)...)
}

// opens waits until the cluster has the hours, and the hub says so.
func (d *demo) opens(ctx context.Context, hours string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		got, err := d.cluster.Kubectl(ctx, "get", "configmap", "hours", "-n", "shop", "--ignore-not-found", "-o", "jsonpath={.data.hours}")
		var shown struct {
			Properties rig.FluxState `json:"properties"`
		}
		err = errors.Join(err, d.cli.JSON(ctx, &shown, append([]string{"k8s-configuration", "flux", "show", "-n", "shop"}, d.onCluster()...)...))
		if err == nil && got == hours && shown.Properties.ComplianceState == rig.FluxCompliant {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster has %q and is %s: %w", got, shown.Properties.ComplianceState, errors.Join(err, ctx.Err()))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
