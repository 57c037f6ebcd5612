package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/page"
)

// write replaces the section of doctor.
func (b *bench) write(file string) error {
	return page.Section{Name: "doctor", Writer: "test/injection/bench"}.Write(file, b.section())
}

func (b *bench) section() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## One look of doctor\n\n%s The cluster runs on the same processors. Medians of %d looks; the programs take turns, "+
		"so that noise of the machine hits all of them. Calls are counted by a proxy in a look of its own. Memory is the most that was resident. `kubectl get pods -A -o json` is the baseline: it reads the same pods, keeps every field and prints them; doctor reads more kinds of objects and prints findings.\n",
		page.Measured(time.Now()), b.runs)
	for _, s := range b.sizes {
		s.write(&text)
	}
	return text.String()
}

func (s size) write(page *strings.Builder) {
	fmt.Fprintf(page, "\n%s cluster (nodes: %d, pods: %d), healthy and connected:\n\n", strings.ToUpper(s.name[:1])+s.name[1:], s.nodes, s.pods)
	fmt.Fprint(page, "| | median | slowest | processor time | memory MiB | list calls | other reads | dry runs and reviews |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range s.results {
		fmt.Fprintf(page, "| %s | %s | %s | %s | %.0f | %d | %d | %d |\n", r.program.name, seconds(r.wall()), seconds(slices.MaxFunc(r.runs, byWall).wall), seconds(r.processor()), mebibytes(r.memory()),
			r.calls.lists, r.calls.all-r.calls.lists-r.calls.changes, r.calls.changes)
	}
	fmt.Fprintf(page, "| aim for doctor | ≤ %s | | | %s | ≤ %d | | |\n", seconds(s.aims.wall), atMost(s.aims.memory), s.aims.lists)
	for _, r := range s.results[1:] {
		fmt.Fprintf(page, "| doctor / %s | %s | | %s | %s | | | |\n", r.program.name, ratio(s.results[0].wall(), r.wall()), ratio(s.results[0].processor(), r.processor()), ratio(s.results[0].memory(), r.memory()))
	}
}

func byWall(a, b figures) int { return cmp.Compare(a.wall, b.wall) }

func (r result) wall() time.Duration {
	return median(r.runs, func(f figures) time.Duration { return f.wall })
}

func (r result) processor() time.Duration {
	return median(r.runs, func(f figures) time.Duration { return f.processor })
}

func (r result) memory() int64 { return median(r.runs, func(f figures) int64 { return f.memory }) }

func median[T cmp.Ordered](runs []figures, of func(figures) T) T {
	values := make([]T, 0, len(runs))
	for _, f := range runs {
		values = append(values, of(f))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func ratio[T ~int64](a, b T) string {
	times := float64(a) / float64(b)
	if times < 1 {
		return fmt.Sprintf("%.2f", times)
	}
	return fmt.Sprintf("%.1f", times)
}

func atMost(memory int64) string {
	if memory == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %.0f", mebibytes(memory))
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
