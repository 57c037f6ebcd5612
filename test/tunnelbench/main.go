// Command tunnelbench measures cluster connect beside what else carries HTTP to a place that can only dial out, and beside
// plain proxies, all in one run and by turns. Its module is not part of the workspace: the peers would decide versions.
//
// Two peers are programs that have to be built before, since as libraries they would lose what their modules replace. Without
// their programs they are left out.
//
//	git clone https://github.com/fatedier/frp ../frp
//	go -C ../frp build -tags frps,noweb -o bin/ ./cmd/frps
//	go -C ../frp build -tags frpc,noweb -o bin/ ./cmd/frpc
//	git clone https://github.com/kubernetes-sigs/apiserver-network-proxy ../konnectivity
//	go -C ../konnectivity build -o bin/proxy-server ./cmd/server
//	go -C ../konnectivity build -o bin/proxy-agent ./cmd/agent
//	make bench-tunnel FRP=../frp/bin KONNECTIVITY=../konnectivity/bin
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

	"github.com/fairlead/fairlead/test/cluster/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "tunnelbench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	candidates []string
	rows       []string
	repeat     int
	window     time.Duration
	patience   time.Duration
	binary     string
	out        string
	agents     int
	programs   map[string]string // where they are, by the candidate that needs them
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{programs: map[string]string{}}
	set := flag.NewFlagSet("tunnelbench", flag.ContinueOnError)
	set.SetOutput(usage)
	chosen := set.String("candidates", "", "whom to measure, separated by commas (default: all that are there of "+strings.Join(candidateNames(), ",")+")")
	rows := set.String("rows", strings.Join(rowNames(), ","), "what to measure, separated by commas")
	set.IntVar(&o.repeat, "repeat", 3, "how often, each time in another order")
	set.DurationVar(&o.window, "window", 3*time.Second, "how long one measurement lasts")
	set.DurationVar(&o.patience, "patience", 20*time.Second, "how long to wait for a quiet moment before each measurement")
	set.StringVar(&o.binary, "binary", os.Getenv("FAIRLEAD_BINARY"), "the fairlead to run as the hub (default: one that is built now)")
	set.StringVar(&o.out, "out", "", "page whose section on tunnels is replaced, such as docs/benchmarks.md")
	set.IntVar(&o.agents, "agents", 1000, "how many idle tunnels row idle holds")
	for _, c := range candidates() {
		if len(c.programs) > 0 {
			set.Func(c.name, "folder with "+strings.Join(c.programs, " and ")+", without which "+c.name+" is left out", func(folder string) (err error) {
				o.programs[c.name], err = c.within(folder)
				return err
			})
		}
	}
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.candidates, o.rows = strings.Split(*chosen, ","), strings.Split(*rows, ",")
	if *chosen == "" {
		o.candidates = o.present()
	}
	return o, o.check()
}

// present are the candidates whose programs are there, or that need none.
func (o options) present() []string {
	var names []string
	for _, c := range candidates() {
		if len(c.programs) == 0 || o.programs[c.name] != "" {
			names = append(names, c.name)
		}
	}
	return names
}

func (o options) check() error {
	for _, name := range o.candidates {
		switch {
		case !slices.Contains(candidateNames(), name):
			return fmt.Errorf("there is no candidate %q; there are %s", name, strings.Join(candidateNames(), ", "))
		case !slices.Contains(o.present(), name):
			return fmt.Errorf("candidate %s needs --%s", name, name)
		}
	}
	for _, name := range o.rows {
		if !slices.Contains(rowNames(), name) {
			return fmt.Errorf("there is no row %q; there are %s", name, strings.Join(rowNames(), ", "))
		}
	}
	if o.repeat < 1 || o.agents < 1 {
		return errors.New("--repeat and --agents: 1 at least")
	}
	return nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) > 1 && args[0] == roleCommand {
		return play(ctx, args[1], args[2:], out)
	}
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-tunnelbench-")
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
		return err
	}
	section := found.section()
	if _, err := io.WriteString(out, section); err != nil || o.out == "" {
		return err
	}
	return page.Section{Name: "tunnel", Writer: "test/tunnelbench"}.Write(o.out, section)
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
