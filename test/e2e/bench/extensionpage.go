package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/page"
)

func (f installations) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## Extensions\n\n%s One after the other, %d extensions of a chart with one object are made on an idle cluster, each in a namespace that is not there yet, "+
		"by a PUT as a client of Azure Resource Manager sends it. Times count from when the client begins to send, and are when watches of the API server see that a step begins: "+
		"Helm writes its record after it has started and rendered, so that it has started earlier than the table says. The hub keeps the client waiting for up to two seconds until the operation has ended. "+
		"The baseline is Helm's library by itself with the same chart, a namespace that is there and the same credentials each time, by turns.\n\n", page.Measured(time.Now()), len(f.ours))
	fmt.Fprintf(&text, "| since the PUT | p50 | p99 | slowest |\n|---|---:|---:|---:|\n")
	for _, one := range steps() {
		fmt.Fprintf(&text, "| %s | %s |\n", one.words, f.step(one.name).cells())
	}
	recorded := f.step(stepRecorded)
	fmt.Fprintf(&text, "| aim for Helm | ≤ 0.50 s | | |\n| Helm by itself, from the call to its record | %s |\n| ours / Helm by itself | %s | |\n", f.helm.cells(), recorded.over(f.helm))
	some := min(10, len(recorded))
	fmt.Fprintf(&text, "\nUntil Helm keeps its record, the first %d of them took %.2f s (median), the last %d %.2f s.\n", some, recorded[:some].at(50).Seconds(), some, recorded[len(recorded)-some:].at(50).Seconds())
	f.memory.write(&text, len(f.ours))
	return text.String()
}

func (f installations) step(name string) times {
	var all times
	for _, one := range f.ours {
		all = append(all, one[name])
	}
	return all
}

func (m managerMemory) write(text *strings.Builder, releases int) {
	fmt.Fprintf(text, "\nMemory of the pod of extension-manager, from the kubelet. The last row is the most of %d readings in %s, while each release is compared once with what runs.\n\n", len(m.large), comparing)
	fmt.Fprintf(text, "| extension-manager | working set MiB | rss MiB |\n|---|---:|---:|\n")
	row := func(words string, workingSet, rss int64) {
		fmt.Fprintf(text, "| %s | %.1f | %.1f |\n", words, mebibytes(workingSet), mebibytes(rss))
	}
	row("before the first release", m.before.workingSet, m.before.rss)
	row(fmt.Sprintf("%d releases of one object, %s later", releases, idle), m.small.workingSet, m.small.rss)
	row(fmt.Sprintf("%d releases of %d objects and two revisions, median", releases, manyObjects), m.at(50, workingSet), m.at(50, rss))
	row("the same, most", m.at(100, workingSet), m.at(100, rss))
	fmt.Fprintf(text, "| aim | ≤ 120 | |\n\nWith the pages of the binary, which the kubelet counts for the pod that was the first to use them and not for the others, the process holds %.1f MiB in the end.\n", mebibytes(m.resident))
}

func workingSet(p pod) int64 { return p.workingSet }

func rss(p pod) int64 { return p.rss }

func (m managerMemory) at(percent int, of func(pod) int64) int64 {
	var all []int64
	for _, one := range m.large {
		all = append(all, of(one))
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*percent/100)]
}
