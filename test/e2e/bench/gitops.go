package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	configuration = "shop"
	// How often Flux looks at the repository.
	interval = time.Second
)

// arrivals is what was found out about commits.
type arrivals struct {
	all    []arrival
	before []pod // when there was no configuration yet
	after  []pod
}

// gitops times how soon a commit is seen at the hub.
func (b *bench) gitops(ctx context.Context) (string, error) {
	git, server, err := b.serveGit(ctx)
	if err != nil {
		return "", err
	}
	defer server.Close()
	if err := b.installFlux(ctx); err != nil {
		return "", err
	}
	var found arrivals
	if found.before, err = b.fluxPods(ctx); err != nil {
		return "", err
	}
	if err := b.commitAll(ctx, git, server.URL, &found); err != nil {
		return "", err
	}
	if found.after, err = b.fluxPods(ctx); err != nil {
		return "", err
	}
	return found.markdown(), nil
}

// fluxPods are the agents for Flux and its controllers, after a while of idleness.
func (b *bench) fluxPods(ctx context.Context) ([]pod, error) {
	fmt.Fprintf(b.progress, "%s of idleness\n", idle)
	if err := pause(ctx, idle); err != nil {
		return nil, err
	}
	var pods []pod
	for _, deployment := range []string{"fluxconfig-agent", "fluxconfig-controller", "flux-logs-agent", "source-controller", "kustomize-controller"} {
		one, err := b.podOf(ctx, deployment)
		if err != nil {
			return nil, err
		}
		pods = append(pods, one)
	}
	return pods, nil
}

func (b *bench) serveGit(ctx context.Context) (*rig.Git, *rig.GitServer, error) {
	git, err := rig.OpenGit(ctx, filepath.Join(b.dir, "git"))
	if err != nil {
		return nil, nil, err
	}
	server, err := git.Serve(ctx, net.JoinHostPort(b.cluster.HostAddress, "0"))
	return git, server, err
}

// installFlux installs the controllers that there are recipes for.
func (b *bench) installFlux(ctx context.Context) error {
	if err := b.cluster.LoadFlux(ctx, b.progress); err != nil {
		return err
	}
	if err := b.connect(ctx, "standard"); err != nil {
		return err
	}
	return b.fairlead(ctx, append([]string{
		"k8s-extension", "create", "-n", "flux", "--extension-type", "microsoft.flux", "--config", "helm-controller.enabled=false", "notification-controller.enabled=false",
	}, onCluster()...)...)
}

func (b *bench) commitAll(ctx context.Context, git *rig.Git, url string, found *arrivals) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen, err := b.watchFlux(ctx)
	if err != nil {
		return err
	}
	hub, err := b.newARM(ctx)
	if err != nil {
		return err
	}
	first, err := commit(ctx, git, -1)
	if err != nil {
		return err
	}
	err = b.fairlead(ctx, append([]string{
		"k8s-configuration", "flux", "create", "-n", configuration, "--namespace", configuration, "-u", url, "--branch", "main", "--interval", interval.String(),
		"--kustomization", "name=app", "path=./app", "prune=true",
	}, onCluster()...)...)
	if err != nil {
		return err
	}
	if _, err := seen.when(ctx, "told "+first); err != nil {
		return err
	}
	for i := range b.commits {
		fmt.Fprintf(b.progress, "commit %d of %d\n", i+1, b.commits)
		one, err := follow(ctx, git, hub, seen, i)
		if err != nil {
			return err
		}
		found.all = append(found.all, one)
	}
	return nil
}
