// Command tunnelfaults shows what cluster connect does when things go wrong: a real hub, the agents' own code and, between
// them, a link that we can break. Every fault states what must hold and whether it held; the end is 1 when something did not.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "tunnelfaults:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	only    []string
	format  string
	binary  string
	profile site.Profile
	soak    time.Duration
	upload  int64
	streams int
	seed    uint64
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{}
	set := flag.NewFlagSet("tunnelfaults", flag.ContinueOnError)
	set.SetOutput(usage)
	only := set.String("only", "", "faults to play, separated by commas (default all): "+strings.Join(names(faults()), ", "))
	set.StringVar(&o.format, "o", "text", "text or json")
	set.StringVar(&o.binary, "binary", os.Getenv("FAIRLEAD_BINARY"), "the fairlead to run as the hub (default: one that is built now)")
	profile := set.String("profile", string(site.Standard), "of the agents: standard (bridge and kube-aad-proxy) or edge (one process)")
	set.DurationVar(&o.soak, "soak", 0, "instead of the faults one by one: mixed traffic with random faults for so long")
	upload := set.Int64("upload", 5000, "megabytes of the one large upload")
	set.IntVar(&o.streams, "streams", 1000, "how many streams are opened at once")
	set.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the random faults")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.profile, o.upload = site.Profile(*profile), *upload*1_000_000
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	for _, name := range o.only {
		if !slices.Contains(names(faults()), name) {
			return o, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(names(faults()), ", "))
		}
	}
	switch {
	case o.format != "text" && o.format != "json":
		return o, fmt.Errorf("-o: %q is neither text nor json", o.format)
	case o.profile != site.Standard && o.profile != site.Edge:
		return o, fmt.Errorf("--profile: %q is neither standard nor edge", o.profile)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-tunnelfaults-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.binary == "" {
		if o.binary, err = build(ctx, dir, progress); err != nil {
			return err
		}
	}
	found, err := play(ctx, o, dir, progress)
	if err != nil {
		return err
	}
	if err := found.write(out, o.format); err != nil {
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
