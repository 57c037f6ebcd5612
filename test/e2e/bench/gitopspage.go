package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/page"
)

func (f arrivals) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## GitOps\n\n%s A configuration with an interval of %s follows a repository over HTTP, with the real source- and kustomize-controller, while %d commits of one changed file are made at all moments of the interval. "+
		"Times count from when the repository has the commit, and are when a watch of the API server, or for the hub its answer to a client that asks every %d ms, shows that commit. "+
		"The baseline is Flux' own part in the same commits: until the Kustomization is ready at the revision.\n\n", page.Measured(time.Now()), interval, len(f.all), askEvery.Milliseconds())
	fetched, applied, told, hub, after := f.of(func(a arrival) time.Duration { return a.fetched }), f.of(func(a arrival) time.Duration { return a.applied }),
		f.of(func(a arrival) time.Duration { return a.told }), f.of(func(a arrival) time.Duration { return a.hub }), f.of(func(a arrival) time.Duration { return a.hub - a.applied })
	fmt.Fprintf(&text, "| since the commit | p50 | p99 | slowest |\n|---|---:|---:|---:|\n")
	fmt.Fprintf(&text, "| source-controller has it | %s |\n", fetched.cells())
	fmt.Fprintf(&text, "| Flux alone: the Kustomization is ready at it | %s |\n", applied.cells())
	fmt.Fprintf(&text, "| fluxconfig-agent says Compliant, in the cluster | %s |\n", told.cells())
	fmt.Fprintf(&text, "| **the hub says Compliant** | %s |\n", hub.cells())
	fmt.Fprintf(&text, "| the hub / Flux alone | %s | |\n", hub.over(applied))
	fmt.Fprintf(&text, "| from the change in the cluster to the hub's word | %s |\n", after.cells())
	fmt.Fprintf(&text, "| aim for that | ≤ 2.00 s | ≤ 2.00 s | |\n")
	f.writeMemory(&text)
	return text.String()
}

func (f arrivals) of(part func(arrival) time.Duration) times {
	var all times
	for _, one := range f.all {
		all = append(all, part(one))
	}
	return all
}

func (f arrivals) writeMemory(text *strings.Builder) {
	fmt.Fprintf(text, "\nMemory from the kubelet, %s after the extension was installed, and %s after the last commit, while Flux goes on looking at the repository every %s.\n\n", idle, idle, interval)
	fmt.Fprintf(text, "| pod | before: working set MiB | rss MiB | after: working set MiB | rss MiB |\n|---|---:|---:|---:|---:|\n")
	for i, after := range f.after {
		before := f.before[i]
		fmt.Fprintf(text, "| %s | %.1f | %.1f | %.1f | %.1f |\n", after.deployment, mebibytes(before.workingSet), mebibytes(before.rss), mebibytes(after.workingSet), mebibytes(after.rss))
	}
}
