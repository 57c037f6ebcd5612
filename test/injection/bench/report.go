package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	begins = "<!-- doctor: written by test/injection/bench -->\n"
	ends   = "<!-- end of doctor -->\n"
)

// write replaces the section of doctor and leaves the rest of the page as it is.
func (b *bench) write(file string) error {
	page, err := os.ReadFile(file) //nolint:gosec // the caller names it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, []byte(replaced(string(page), b.section())), 0o644) //nolint:gosec // a page of the documentation
}

func replaced(page, section string) string {
	before, rest, there := strings.Cut(page, begins)
	if !there {
		if page != "" {
			page = strings.TrimRight(page, "\n") + "\n\n"
		}
		return page + begins + section + ends
	}
	_, after, _ := strings.Cut(rest, ends)
	return before + begins + section + ends + after
}

func (b *bench) section() string {
	var page strings.Builder
	fmt.Fprintf(&page, "## One look of doctor\n\nMeasured on %s: %s, %d processors, %s, load average %s at the end. The cluster runs on the same processors. Medians of %d looks; the programs take turns, "+
		"so that noise of the machine hits all of them. Calls are counted by a proxy in a look of its own. Memory is the most that was resident. `kubectl get pods -A -o json` is the baseline: it reads the same pods, keeps every field and prints them; doctor reads more kinds of objects and prints findings.\n",
		time.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), runtime.Version(), load(), b.runs)
	for _, s := range b.sizes {
		s.write(&page)
	}
	return page.String()
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

func processor() string {
	content, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(content)) {
		if name, found := strings.CutPrefix(line, "model name"); found {
			return strings.TrimSpace(strings.TrimLeft(name, "\t: "))
		}
	}
	return runtime.GOARCH
}

// load is the load average of the last minute: other work on the machine makes times worse.
func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}
