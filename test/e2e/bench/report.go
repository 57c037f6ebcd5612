package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

func (f figures) markdown() string {
	var page strings.Builder
	fmt.Fprintf(&page, "# Benchmarks\n\nWritten by `make bench` on %s: %s, %d processors, %s, %s. Machines differ, so read the ratios.\n",
		time.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), kernel(), runtime.Version())
	f.writeJoin(&page)
	f.writeMemory(&page)
	return page.String()
}

func (f figures) writeJoin(page *strings.Builder) {
	join, bare := median(f.join), median(f.barePod)
	fmt.Fprintf(page, "\n## Join, image present\n\nFrom typing `connectedk8s connect` to its return: the hub says Connected and has the metadata (%d runs, profile standard). "+
		"The baseline is one pod of the same image, from `kubectl run` to its end, on the same node between the same runs.\n\n", len(f.join))
	fmt.Fprintf(page, "| | median | slowest | aim |\n|---|---:|---:|---:|\n")
	fmt.Fprintf(page, "| join | %s | %s | ≤ 10 s |\n", seconds(join), seconds(slices.Max(f.join)))
	fmt.Fprintf(page, "| one bare pod | %s | %s | |\n", seconds(bare), seconds(slices.Max(f.barePod)))
	fmt.Fprintf(page, "| join / bare pod | %.1f | | |\n", join.Seconds()/bare.Seconds())
}

func (f figures) writeMemory(page *strings.Builder) {
	aims := map[string]int{"edge": 40, "standard": 200}
	fmt.Fprintf(page, "\n## Memory of idle agents\n\nFrom the kubelet, %s after connecting. The working set counts the pages of the binary that a pod was first to touch; rss does not.\n\n", idle)
	fmt.Fprintf(page, "| profile | pod | working set MiB | rss MiB | aim MiB |\n|---|---|---:|---:|---:|\n")
	for _, profile := range []string{"edge", "standard"} {
		var all podMemory
		for _, pod := range f.memory[profile] {
			fmt.Fprintf(page, "| %s | %s | %.1f | %.1f | |\n", profile, deployment(pod.name), mebibytes(pod.workingSet), mebibytes(pod.rss))
			all.workingSet, all.rss = all.workingSet+pod.workingSet, all.rss+pod.rss
		}
		fmt.Fprintf(page, "| %s | **all** | **%.1f** | **%.1f** | ≤ %d |\n", profile, mebibytes(all.workingSet), mebibytes(all.rss), aims[profile])
	}
}

// deployment cuts the two random parts off a pod's name.
func deployment(pod string) string {
	parts := strings.Split(pod, "-")
	return strings.Join(parts[:max(1, len(parts)-2)], "-")
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func median(values []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

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

func kernel() string {
	content, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(content))
}
