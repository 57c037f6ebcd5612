// Command fleet measures what many connected clusters cost one hub on two cores: a real hub process, and agents that sign, connect and
// wait with the product's own code and lack only Kubernetes. It ends with 1 when the hub does not keep what the project promises.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cores is how many processors the hub may use.
const cores = 2

// collectAt lets the simulated agents' heap grow to five times what lives in it: real ones collect their own little heap on
// a machine of their own, and do not take the processors from the hub to look through that of ten thousand.
const collectAt = 400

func main() {
	if len(os.Args) < 2 || os.Args[1] != bareCommand {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	agents         int
	extensions     int
	configurations int
	duration       time.Duration
	scenarios      []string
	binary         string
	format         string
	out            string
	profiles       string
}

// scenarios in the order in which they are played.
func scenarios() []string {
	return []string{"idle", "change", "list", "extensions", "configurations", "restart", "bare"}
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("fleet", flag.ContinueOnError)
	set.SetOutput(usage)
	set.IntVar(&o.agents, "agents", 10_000, "how many clusters to simulate")
	set.IntVar(&o.extensions, "extensions", 5, fmt.Sprintf("how many extensions to install on each of %d clusters", rolloutClusters))
	set.IntVar(&o.configurations, "configurations", 10, fmt.Sprintf("how many Flux configurations to make on each of %d clusters", rolloutClusters))
	set.DurationVar(&o.duration, "duration", time.Minute, "how long to watch the hub at rest")
	chosen := set.String("scenario", strings.Join(scenarios(), ","), "what to play after registration, separated by commas")
	set.StringVar(&o.binary, "binary", os.Getenv("FAIRLEAD_BINARY"), "the fairlead to run (default: one that is built now)")
	set.StringVar(&o.format, "o", "text", "text or json")
	set.StringVar(&o.out, "out", "", "page whose section on many clusters is replaced, such as docs/benchmarks.md")
	set.StringVar(&o.profiles, "profiles", "", "folder for profiles of the hub at rest and under the herd")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.scenarios = strings.Split(*chosen, ",")
	for _, name := range o.scenarios {
		if !slices.Contains(scenarios(), name) {
			return o, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(scenarios(), ", "))
		}
	}
	switch {
	case o.agents < 1 || o.agents > 20_000:
		return o, errors.New("--agents: between 1 and 20000")
	case o.extensions < 1 || o.extensions > maxPerCluster:
		return o, fmt.Errorf("--extensions: between 1 and %d", maxPerCluster)
	case o.configurations < 1 || o.configurations > maxPerCluster:
		return o, fmt.Errorf("--configurations: between 1 and %d", maxPerCluster)
	case o.format != "text" && o.format != "json":
		return o, fmt.Errorf("-o: %q is neither text nor json", o.format)
	}
	return o, needFiles(o.agents)
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) == 4 && args[0] == bareCommand {
		return serveBare(args[1], args[2], args[3])
	}
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-fleet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.binary == "" {
		if o.binary, err = build(ctx, dir, progress); err != nil {
			return err
		}
	}
	found, err := measure(ctx, o, dir, progress)
	if err != nil {
		o.out = "" // half of it is for whoever looks, not for the page
		return errors.Join(err, found.write(out, o))
	}
	if err := found.write(out, o); err != nil {
		return err
	}
	return found.verdict()
}

func build(ctx context.Context, dir string, progress io.Writer) (string, error) {
	binary := filepath.Join(dir, "fairlead")
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/fairlead/fairlead/cmd/fairlead")
	command.Stdout, command.Stderr = progress, progress
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("build fairlead (or name one with --binary): %w", err)
	}
	return binary, nil
}
