// Command fairlead-probe is what runs in pods that are looked at, small enough to travel there. It executes the plan in the file
// that its argument names, for doctor; or the pre-check of a cluster that is to be connected; or, under the name of a shell, the
// troubleshooting of one that is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fairlead/fairlead/doctor/probe/diagnose"
	"github.com/fairlead/fairlead/doctor/probe/kubeapi"
	"github.com/fairlead/fairlead/doctor/probe/precheck"
	"github.com/fairlead/fairlead/doctor/probe/run"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

func main() {
	if err := execute(context.Background(), os.Args, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func execute(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 3 && filepath.Base(args[0]) == diagnose.Shell && args[1] == diagnose.Script:
		return troubleshoot(ctx, args[2], out)
	case len(args) == 2 && args[1] == "precheck":
		return checkFirst(ctx, out)
	case len(args) == 2:
		return executePlan(ctx, args[1], out)
	default:
		return errors.New("usage: fairlead-probe PLAN, where PLAN is a file that doctor wrote; or fairlead-probe precheck")
	}
}

func executePlan(ctx context.Context, file string, out io.Writer) error {
	data, err := os.ReadFile(file) //nolint:gosec // to read what it is told to read is its purpose
	if err != nil {
		return fmt.Errorf("read the probe's plan: %w", err)
	}
	plan, err := wire.DecodePlan(data)
	if err != nil {
		return err
	}
	return run.Runner{}.Run(ctx, plan).Write(out)
}

func checkFirst(ctx context.Context, out io.Writer) error {
	settings, definitions := precheck.FromEnvironment(os.Getenv)
	seen := precheck.Look(ctx, run.Runner{}, settings)
	if err := errors.Join(seen.Write(out), seen.WriteLogin(out)); err != nil {
		return err
	}
	api, err := kubeapi.InCluster(os.Getenv, kubeapi.ServiceAccount)
	if err != nil {
		_, err = fmt.Fprintf(out, "Custom resource definitions were not looked at: %s\n", err)
		return err
	}
	return precheck.WriteCRDs(ctx, api, definitions, out)
}

func troubleshoot(ctx context.Context, namespace string, out io.Writer) error {
	api, err := kubeapi.InCluster(os.Getenv, kubeapi.ServiceAccount)
	if err != nil {
		return err
	}
	return diagnose.Run(ctx, api, run.Runner{}, namespace, out)
}
