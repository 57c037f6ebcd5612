// Command bench measures what the project promises about connecting a cluster: the time until it is Connected with its metadata, and
// what the agents need while idle. Times are compared with a bare pod on the same node in the same run, because machines differ.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/fairlead/fairlead/test/cluster/engine"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, progress io.Writer) (err error) {
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	out := set.String("out", "docs/benchmarks.md", "file to write")
	runs := set.Int("runs", 5, "how often to connect")
	if err := set.Parse(args); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("these figures need real pods, and so root")
	}
	b := &bench{progress: progress, runs: *runs}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = firstOf(err, b.clean(context.WithoutCancel(ctx))) }()
	figures, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(*out, []byte(figures.markdown()), 0o600)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// bench is one node, one hub, one administrator.
type bench struct {
	progress io.Writer
	runs     int
	dir      string
	cluster  *engine.Cluster
	hub      *rig.Hub
	cli      rig.CLI
}

func (b *bench) prepare(ctx context.Context) error {
	binary, err := filepath.Abs(os.Getenv("FAIRLEAD_BINARY"))
	if err != nil || os.Getenv("FAIRLEAD_BINARY") == "" {
		return fmt.Errorf("FAIRLEAD_BINARY is not set: use `make bench`")
	}
	if b.dir, err = os.MkdirTemp("", "fairlead-bench-"); err != nil {
		return err
	}
	if b.cluster, err = engine.Start(ctx, engine.Config{Name: "fairlead-bench", Kind: engine.FullNode, Progress: b.progress}); err != nil {
		return err
	}
	address, err := rig.FreeAddress(ctx, b.cluster.HostAddress)
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
	return firstOf(b.hub.Stop(), b.cluster.Stop(ctx), os.RemoveAll(b.dir))
}

func (b *bench) fairlead(ctx context.Context, args ...string) error {
	result, err := b.cli.Run(ctx, args...)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("fairlead %v ended with %d: %s", args, result.Code, result.Err)
	}
	return err
}
