// Package run executes a wire.Plan on the machine or in the pod that it runs in and reports what it saw, stage by stage.
// It draws no conclusions, and trusts nothing that it reads from the network.
package run

import (
	"context"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	defaultParallel = 16
	defaultStage    = 5 * time.Second
	defaultWhole    = 60 * time.Second
)

// Runner executes plans. The zero value uses the resolver of the machine.
type Runner struct {
	ResolvConf string        // empty means /etc/resolv.conf
	Resolver   *net.Resolver // nil means the machine's: what programs get, with its hosts file
}

// Run executes the plan. It always returns in the plan's time, or at once when ctx ends, and tells what it saw until then.
func (r Runner) Run(ctx context.Context, plan wire.Plan) wire.Result {
	plan = withDefaults(plan)
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, plan.Whole)
	defer cancel()
	result := wire.Result{
		Version: wire.Version, Started: started.UTC(), Resolver: readResolvConf(r.resolvConf()),
		Targets: make([]wire.TargetResult, len(plan.Targets)), Lookups: make([]wire.Lookup, len(plan.Lookups)),
	}
	var group errgroup.Group
	group.SetLimit(plan.Parallel)
	for i, name := range plan.Lookups {
		group.Go(func() error {
			result.Lookups[i] = lookup(ctx, name, result.Resolver, plan)
			return nil
		})
	}
	for i, target := range plan.Targets {
		group.Go(func() error {
			result.Targets[i] = r.follow(ctx, target, result.Resolver, plan.Stage)
			return nil
		})
	}
	if plan.Kernel != nil {
		result.Kernel = readKernel(*plan.Kernel)
	}
	_ = group.Wait() // every failure is in the result
	result.Millis = time.Since(started).Milliseconds()
	return result
}

func (r Runner) resolvConf() string {
	if r.ResolvConf != "" {
		return r.ResolvConf
	}
	return "/etc/resolv.conf"
}

func (r Runner) resolver() *net.Resolver {
	if r.Resolver != nil {
		return r.Resolver
	}
	return net.DefaultResolver
}

func withDefaults(plan wire.Plan) wire.Plan {
	if plan.Parallel <= 0 {
		plan.Parallel = defaultParallel
	}
	if plan.Stage <= 0 {
		plan.Stage = defaultStage
	}
	if plan.Whole <= 0 {
		plan.Whole = defaultWhole
	}
	return plan
}
