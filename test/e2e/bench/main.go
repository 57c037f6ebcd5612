// Command bench measures what the project promises about a connected cluster, in real pods: the time until it is Connected with its
// metadata and what idle agents need, how soon an extension is installed, and how soon a commit is seen at the hub. Times are
// compared with what does the same work without Fairlead, on the same node in the same run, because machines differ.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/fairlead/fairlead/test/cluster/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// section is a part of the page, measured on a node and a hub of its own.
type section struct {
	name    string
	measure func(*bench, context.Context) (text string, err error)
}

func sections() []section {
	return []section{{"join", (*bench).join}, {"memory", (*bench).memory}, {"extensions", (*bench).extensions}, {"gitops", (*bench).gitops}}
}

func sectionNames() []string {
	var names []string
	for _, one := range sections() {
		names = append(names, one.name)
	}
	return names
}

// options are what the flags say.
type options struct {
	out      string
	sections []string
	counts
}

// counts are how often something is done.
type counts struct{ joins, installs, commits int }

func parse(args []string, usage io.Writer) (options, error) {
	o := options{}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(usage)
	set.StringVar(&o.out, "out", "docs/benchmarks.md", "page whose sections are replaced")
	chosen := set.String("sections", strings.Join(sectionNames(), ","), "what to measure, separated by commas")
	set.IntVar(&o.joins, "joins", 5, "how often to connect")
	set.IntVar(&o.installs, "installs", 30, "how many extensions to install, at most 50")
	set.IntVar(&o.commits, "commits", 60, "how many commits to make")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.sections = strings.Split(*chosen, ",")
	for _, name := range o.sections {
		if !slices.Contains(sectionNames(), name) {
			return o, fmt.Errorf("there is no section %q; there are %s", name, strings.Join(sectionNames(), ", "))
		}
	}
	if o.joins < 1 || o.installs < 1 || o.installs > 50 || o.commits < 1 {
		return o, errors.New("--joins, --installs, --commits: 1 at least, and at most 50 installs")
	}
	return o, nil
}

func run(ctx context.Context, args []string, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("these figures need real pods, and so root")
	}
	for _, one := range sections() {
		if !slices.Contains(o.sections, one.name) {
			continue
		}
		text, err := (&bench{progress: progress, counts: o.counts}).run(ctx, one)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		if err := (page.Section{Name: one.name, Writer: "test/e2e/bench"}).Write(o.out, text); err != nil {
			return err
		}
	}
	return nil
}
