package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/freeport"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// clusterName is what the node is connected as.
const clusterName = "bench"

// bench is one node, one hub, one administrator.
type bench struct {
	counts

	progress io.Writer
	dir      string
	cluster  *engine.Cluster
	hub      *rig.Hub
	cli      rig.CLI
}

// run measures one section.
func (b *bench) run(ctx context.Context, what section) (text string, err error) {
	defer func() { err = errors.Join(err, b.clean(context.WithoutCancel(ctx))) }()
	if err := b.prepare(ctx); err != nil {
		return "", err
	}
	return what.measure(b, ctx)
}

func (b *bench) prepare(ctx context.Context) error {
	binary, err := filepath.Abs(os.Getenv("FAIRLEAD_BINARY"))
	if err != nil || os.Getenv("FAIRLEAD_BINARY") == "" {
		return errors.New("FAIRLEAD_BINARY is not set: use `make bench`")
	}
	if b.dir, err = os.MkdirTemp("", "fairlead-bench-"); err != nil {
		return err
	}
	if b.cluster, err = engine.Start(ctx, engine.Config{Name: "fairlead-bench", Kind: engine.FullNode, Progress: b.progress}); err != nil {
		return err
	}
	address, err := freeport.Address(ctx, b.cluster.HostAddress)
	if err != nil {
		return err
	}
	b.hub = &rig.Hub{Binary: binary, Dir: filepath.Join(b.dir, "hub"), Address: address}
	b.cli = rig.CLI{Binary: binary, ConfigDir: filepath.Join(b.dir, "config"), Kubeconfig: b.cluster.Kubeconfig}
	return b.open(ctx)
}

func (b *bench) open(ctx context.Context) error {
	if err := b.hub.Start(ctx); err != nil {
		return err
	}
	authority, err := os.ReadFile(b.hub.CAFile())
	if err != nil {
		return err
	}
	if err := b.cluster.TrustRegistry(b.hub.Address, authority); err != nil {
		return err
	}
	return b.fairlead(ctx, "login", "--credential-file", b.hub.CredentialFile())
}

func (b *bench) clean(ctx context.Context) error {
	var failures []error
	if b.hub != nil {
		failures = append(failures, b.hub.Stop())
	}
	if b.cluster != nil {
		failures = append(failures, b.cluster.Stop(ctx))
	}
	if b.dir != "" {
		failures = append(failures, os.RemoveAll(b.dir))
	}
	return errors.Join(failures...)
}

func (b *bench) fairlead(ctx context.Context, args ...string) error {
	result, err := b.cli.Run(ctx, args...)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("fairlead %v ended with %d: %s", args, result.Code, result.Err)
	}
	return err
}

// connect returns when the hub says Connected and has the metadata.
func (b *bench) connect(ctx context.Context, profile string) error {
	return b.fairlead(ctx, "connectedk8s", "connect", "-n", clusterName, "-g", "default", "--profile", profile, "--onboarding-timeout", "240")
}

func (b *bench) leave(ctx context.Context) error {
	return b.fairlead(ctx, "connectedk8s", "delete", "-n", clusterName, "-g", "default", "--yes")
}

// onCluster are the flags of commands about what is on the cluster.
func onCluster() []string {
	return []string{"-g", "default", "-c", clusterName, "-t", "connectedClusters"}
}

// decode reads JSON of a program that says what it was.
func decode(content []byte, what string, v any) error {
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("understand %s: %w", what, err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
