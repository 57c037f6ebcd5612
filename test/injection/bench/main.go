// Command bench measures what one look of doctor costs, on a small healthy cluster and on a large one: time, processor time, memory
// and calls of the API server. Times are compared with a plain read of the pods in the same run, because machines differ.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// settling is how long a cluster may take until doctor finds nothing wrong with it.
const settling = 2 * time.Minute

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
	out := set.String("out", "docs/benchmarks.md", "file whose section on doctor is replaced")
	fixtures := set.String("fixtures", "test/injection", "folder of the fake and the chart")
	b := &bench{progress: progress}
	set.IntVar(&b.runs, "runs", 10, "how often to look")
	set.IntVar(&b.crowd.nodes, "nodes", 200, "nodes of the large cluster")
	set.IntVar(&b.crowd.pods, "pods", 5000, "pods of the large cluster, by twenties")
	if err := set.Parse(args); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("these figures need a real node, and so root")
	}
	if err := b.prepare(ctx, *fixtures); err != nil {
		return errors.Join(err, b.clean(context.WithoutCancel(ctx)))
	}
	defer func() { err = errors.Join(err, b.clean(context.WithoutCancel(ctx))) }()
	if err := b.measure(ctx); err != nil {
		return err
	}
	return b.write(*out)
}

// bench is a node with the fixtures on it, and what was found.
type bench struct {
	progress io.Writer
	runs     int
	crowd    crowd
	stage    stage.Stage
	api      *api
	programs []program
	sizes    []size
}

func (b *bench) prepare(ctx context.Context, fixtures string) error {
	binary, err := filepath.Abs(os.Getenv("FAIRLEAD_BINARY"))
	if err != nil || os.Getenv("FAIRLEAD_BINARY") == "" {
		return errors.New("FAIRLEAD_BINARY is not set: use `make bench`")
	}
	b.stage.Binary = binary
	if b.stage.Dir, err = os.MkdirTemp("", "fairlead-bench-"); err != nil {
		return err
	}
	if b.stage.Cluster, err = engine.Start(ctx, engine.Config{Name: "fairlead-bench-doctor", Kind: engine.FullNode, Progress: b.progress}); err != nil {
		return err
	}
	if b.api, err = newAPI(b.stage.Cluster.Kubeconfig); err != nil {
		return err
	}
	if err := b.stage.LoadFake(ctx, filepath.Join(fixtures, "fake")); err != nil {
		return err
	}
	if err := b.stage.InstallArc(ctx, filepath.Join(fixtures, "fixture", "arc"), nil); err != nil {
		return err
	}
	b.programs, err = programs(binary, b.stage.Cluster)
	return err
}

func (b *bench) clean(ctx context.Context) error {
	var stopped error
	if b.stage.Cluster != nil {
		stopped = b.stage.Cluster.Stop(ctx)
	}
	if b.stage.Dir == "" {
		return stopped
	}
	return errors.Join(stopped, os.RemoveAll(b.stage.Dir))
}

// measure looks at the small cluster, then at the large one.
func (b *bench) measure(ctx context.Context) error {
	if err := b.healthy(ctx); err != nil {
		return err
	}
	if err := b.look(ctx, "small", smallAims()); err != nil {
		return err
	}
	if err := b.crowd.gather(ctx, b.stage.Cluster, b.api, b.progress); err != nil {
		return fmt.Errorf("make the large cluster: %w", err)
	}
	if err := b.healthy(ctx); err != nil {
		return err
	}
	return b.look(ctx, "large", largeAims())
}

// healthy waits until doctor finds nothing: figures of a cluster in trouble would be others.
func (b *bench) healthy(ctx context.Context) error {
	until := time.Now().Add(settling)
	for {
		report, err := b.stage.Doctor(ctx)
		if err != nil {
			return err
		}
		if len(report.Roots()) == 0 {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("doctor is not content with a cluster that should be healthy:\n%s", report.Problems())
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
