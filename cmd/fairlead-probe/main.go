// Command fairlead-probe is what doctor runs in a pod: it executes the plan in the file that its argument names and prints
// what it saw.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fairlead/fairlead/doctor/probe/run"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

func main() {
	if err := execute(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func execute(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: fairlead-probe PLAN, where PLAN is a file that doctor wrote")
	}
	data, err := os.ReadFile(args[0]) //nolint:gosec // to read what it is told to read is its purpose
	if err != nil {
		return fmt.Errorf("read the probe's plan: %w", err)
	}
	plan, err := wire.DecodePlan(data)
	if err != nil {
		return err
	}
	return run.Runner{}.Run(ctx, plan).Write(out)
}
