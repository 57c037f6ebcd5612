package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// command is one run of the program: its flags and where it writes.
type command struct {
	dir          string
	name         string
	named        bool
	controlPlane bool
	all          bool
	hostnames    []string
	args         []string
	out          io.Writer
	complaints   io.Writer
}

func dispatch(ctx context.Context, args []string, out, complaints io.Writer) error {
	if len(args) == 0 {
		_, _ = fmt.Fprint(complaints, usage)
		return fmt.Errorf("which command? %w", errUsage)
	}
	if slices.Contains([]string{"help", "--help", "-help", "-h"}, args[0]) {
		_, _ = fmt.Fprint(out, usage)
		return nil
	}
	actions := map[string]func(*command, context.Context) error{
		"up": (*command).up, "down": (*command).down, "status": (*command).status,
		"kubeconfig": (*command).kubeconfig, "load": (*command).load, "logs": (*command).logs, "trust": (*command).trust,
	}
	action, ok := actions[args[0]]
	if !ok {
		return fmt.Errorf("unknown command %q: %w", args[0], errUsage)
	}
	c, err := parse(args[0], args[1:], out, complaints)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprint(out, usage)
		return nil
	}
	if err != nil {
		return err
	}
	return action(c, ctx)
}

func parse(action string, args []string, out, complaints io.Writer) (*command, error) {
	c := &command{out: out, complaints: complaints}
	flags := flag.NewFlagSet(action, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.name, "name", "fairlead", "which cluster")
	if action == "up" {
		flags.BoolVar(&c.controlPlane, "control-plane", false, "no node")
		flags.Func("host-name", "name for this host", func(name string) error { c.hostnames = append(c.hostnames, name); return nil })
	}
	if action == "down" {
		flags.BoolVar(&c.all, "all", false, "every cluster")
	}
	rest, err := parseMixed(flags, args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return nil, fmt.Errorf("%w: %w", err, errUsage)
	}
	if err != nil {
		return nil, err
	}
	c.args = rest
	flags.Visit(func(f *flag.Flag) { c.named = c.named || f.Name == "name" })
	if len(rest) > 0 && action != "load" && action != "logs" && action != "trust" {
		return nil, fmt.Errorf("unexpected %q: %w", rest[0], errUsage)
	}
	c.dir, err = recipe.DefaultDir()
	return c, err
}

// parseMixed allows flags after arguments, as people type them.
func parseMixed(flags *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	case ctx.Err() != nil:
		return 130
	case errors.Is(err, engine.ErrNotFound):
		return 3
	}
	return 1
}
