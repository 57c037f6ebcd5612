// Command demo shows the main job end to end on this machine: a hub, a real cluster, the one connected to
// the other. It can be run again and again; down removes every trace.
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

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const usage = `Usage: demo up|gitops|down [--binary FILE] [--cluster bench|current] [--dir FOLDER]

  up      start a hub, get a cluster, connect it, print the inventory
  gitops  the same, and then a repository that the cluster follows (root, with the throwaway cluster)
  down    remove all of that

  --binary FILE    the fairlead binary (default bin/fairlead)
  --cluster WHICH  bench: a throwaway cluster; current: the current kubeconfig's (default bench)
  --dir FOLDER     where the demo keeps its state (default .demo)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr)) //nolint:gocritic // stop has nothing left to do
}

func run(ctx context.Context, args []string, out, problems io.Writer) int {
	d, verb, err := parse(args, out)
	if err != nil {
		fmt.Fprintf(problems, "demo: %v\n\n%s", err, usage)
		return 2
	}
	action := d.actions()[verb]
	if err := action(ctx); err != nil {
		fmt.Fprintf(problems, "demo: %v\n", err)
		return 1
	}
	return 0
}

func parse(args []string, out io.Writer) (*demo, string, error) {
	if len(args) == 0 || (&demo{}).actions()[args[0]] == nil {
		return nil, "", errors.New("say up, gitops or down")
	}
	set := flag.NewFlagSet("demo", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	binary := set.String("binary", "bin/fairlead", "")
	which := set.String("cluster", "bench", "")
	dir := set.String("dir", ".demo", "")
	if err := set.Parse(args[1:]); err != nil {
		return nil, "", err
	}
	if *which != "bench" && *which != "current" {
		return nil, "", fmt.Errorf("--cluster is bench or current, not %q", *which)
	}
	return newDemo(*binary, *which, *dir, out), args[0], nil
}

func newDemo(binary, which, dir string, out io.Writer) *demo {
	binary, dir = absolute(binary), absolute(dir)
	return &demo{
		out: out, dir: dir, current: which == "current",
		hub: &rig.Hub{Binary: binary, Dir: filepath.Join(dir, "hub")},
		cli: rig.CLI{Binary: binary, ConfigDir: filepath.Join(dir, "config")},
	}
}

// actions are what the command can do. The last is how it starts itself.
func (d *demo) actions() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"up": d.up, "gitops": d.gitops, "down": d.down, "serve-git": d.serveGit}
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
