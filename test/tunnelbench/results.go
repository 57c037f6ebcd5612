package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// A figure that depends on time is marked when no sample of it was disturbed less, one of normalised processor time
	// when none was disturbed less than that. Samples that were disturbed more count only when there are no others.
	cleanEnough = 0.15
	normEnough  = 0.70
)

// sample is one measurement.
type sample struct {
	Candidate, Row string
	Round          int
	Values         values
	Disturbed      float64
}

// results are all of them.
type results struct {
	options options
	at      time.Time
	samples []sample
	failed  map[[2]string]error
}

func newResults(o options) *results {
	return &results{options: o, at: time.Now(), failed: map[[2]string]error{}}
}

func (r *results) add(s sample) { r.samples = append(r.samples, s) }

func (r *results) fail(candidate, row string, err error) { r.failed[[2]string{candidate, row}] = err }

// of returns the samples of a figure that count, and whether they are clean.
func (r *results) of(candidate, row, figure string, limit float64) (taken []sample, clean bool) {
	var all []sample
	for _, s := range r.samples {
		if _, there := s.Values[figure]; there && s.Candidate == candidate && s.Row == row {
			all = append(all, s)
		}
	}
	taken = slices.DeleteFunc(slices.Clone(all), func(s sample) bool { return s.Disturbed > limit })
	if len(taken) > 0 || len(all) == 0 {
		return taken, true
	}
	return []sample{slices.MinFunc(all, func(a, b sample) int { return int(1e6 * (a.Disturbed - b.Disturbed)) })}, false
}

func median(all []float64) float64 {
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return (all[len(all)/2] + all[(len(all)-1)/2]) / 2
}

// column is a figure of a table.
type column struct {
	title, row, figure string
	format             string
	ratios             bool // to proxy and to twohop
}

func (c column) limit() float64 {
	switch {
	case c.figure == "norm", strings.HasPrefix(c.figure, "hub"), strings.HasPrefix(c.figure, "agent"), c.row == "idle":
		return normEnough
	default:
		return cleanEnough
	}
}

// cell is the median, and the medians of the ratios within each round.
func (r *results) cell(candidate string, c column) string {
	if r.failed[[2]string{candidate, c.row}] != nil {
		return "**failed**"
	}
	taken, clean := r.of(candidate, c.row, c.figure, c.limit())
	if len(taken) == 0 {
		return ""
	}
	var all []float64
	for _, s := range taken {
		all = append(all, s.Values[c.figure])
	}
	mark := ""
	if !clean {
		mark = "~"
	}
	text := mark + fmt.Sprintf(c.format, median(all))
	if c.ratios {
		text += fmt.Sprintf(" (%s / %s)", r.ratio(taken, "proxy", c), r.ratio(taken, "twohop", c))
	}
	return text
}

func (r *results) ratio(taken []sample, to string, c column) string {
	var all []float64
	for _, s := range taken {
		for _, other := range r.samples {
			if other.Candidate == to && other.Row == c.row && other.Round == s.Round && other.Values[c.figure] != 0 {
				all = append(all, s.Values[c.figure]/other.Values[c.figure])
			}
		}
	}
	if len(all) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", median(all))
}

func (r *results) table(page *strings.Builder, title string, columns []column) {
	columns = slices.DeleteFunc(columns, func(c column) bool { return !slices.Contains(r.options.rows, c.row) })
	if len(columns) == 0 {
		return
	}
	fmt.Fprintf(page, "\n%s\n\n| |", title)
	for _, c := range columns {
		fmt.Fprintf(page, " %s |", c.title)
	}
	fmt.Fprintf(page, "\n|---|%s\n", strings.Repeat("---:|", len(columns)))
	for _, name := range r.options.candidates {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = r.cell(name, c)
		}
		if strings.Join(cells, "") != "" {
			fmt.Fprintf(page, "| %s | %s |\n", name, strings.Join(cells, " | "))
		}
	}
}

// section is the report for people, in Markdown.
func (r *results) section() string {
	var page strings.Builder
	low, middle, high := r.disturbance()
	fmt.Fprintf(&page, "## Cluster connect beside others\n\nMeasured on %s: %d processors, %s, %d rounds, by turns and in another order each time. "+
		"Others used %.0f %% of the machine in the quietest measurement, %.0f %% in the median and %.0f %% in the busiest. A `~` marks a figure without a sample "+
		"that was disturbed less than %.0f %% (%.0f %% for processor time): the one that was disturbed least is shown. Ratios are to one plain proxy and to two, within a round.\n\n",
		r.at.Format("2006-01-02"), runtime.NumCPU(), runtime.Version(), r.options.repeat, 100*low, 100*middle, 100*high, 100*cleanEnough, 100*normEnough)
	r.writeCandidates(&page)
	page.WriteString("\nOurs authenticates, authorises, audits and impersonates at every request, the real hub being a process of its own; all others check nothing.\n")
	r.writeRates(&page)
	r.writeRest(&page)
	r.writeFailures(&page)
	return page.String()
}

// writeCandidates says who was measured, and who could not be.
func (r *results) writeCandidates(page *strings.Builder) {
	for _, c := range candidates() {
		switch {
		case slices.Contains(r.options.candidates, c.name):
			fmt.Fprintf(page, "- `%s`: %s%s.\n", c.name, c.what, c.version(r.options.programs[c.name]))
		case !slices.Contains(r.options.present(), c.name):
			fmt.Fprintf(page, "- `%s` is left out, for want of its programs.\n", c.name)
		}
	}
}

func (r *results) writeRates(page *strings.Builder) {
	r.table(page, "Small documents of 2 KB: requests a second with 1, 32 and 256 callers.", []column{
		{"1", "small1", "rps", "%.0f", true}, {"32", "small32", "rps", "%.0f", true}, {"256", "small256", "rps", "%.0f", true},
	})
	r.table(page, "Processor time of hub and agent, for each unit that API server and callers use for the same work.", []column{
		{"1", "small1", "norm", "%.2f", true},
		{"32", "small32", "norm", "%.2f", true},
		{"256", "small256", "norm", "%.2f", true},
		{"list", "list", "norm", "%.2f", true},
		{"stream", "echo", "norm", "%.2f", true},
		{"watch", "watch", "norm", "%.2f", true},
	})
	r.table(page, "The same by itself: microseconds a request of 32 callers, seconds a gigabyte of lists, microseconds an event.", []column{
		{"hub, request", "small32", "hub_us", "%.0f", false},
		{"agents, request", "small32", "agent_us", "%.0f", false},
		{"hub, GB", "list", "hub_GBs", "%.2f", false},
		{"agents, GB", "list", "agent_GBs", "%.2f", false},
		{"hub, event", "watch", "hub_us", "%.0f", false},
		{"agents, event", "watch", "agent_us", "%.0f", false},
	})
	r.table(page, "Latency on loopback, in milliseconds.", []column{
		{"1: p50", "small1", "p50", "%.2f", false},
		{"p99", "small1", "p99", "%.2f", false},
		{"32: p50", "small32", "p50", "%.2f", false},
		{"p99", "small32", "p99", "%.2f", false},
		{"256: p50", "small256", "p50", "%.1f", false},
		{"p99", "small256", "p99", "%.1f", false},
		{"watch: p50", "watch", "p50", "%.2f", false},
		{"p99", "watch", "p99", "%.2f", false},
	})
	r.table(page, "Bulk on loopback: 50 MB lists one after the other, and an upgraded stream that is busy both ways, in MB/s.", []column{
		{"list", "list", "MBps", "%.0f", true}, {"stream", "echo", "MBps", "%.0f", true},
	})
}

func (r *results) writeRest(page *strings.Builder) {
	r.table(page, "Over a link of 40 ms and 25 MB/s: small documents of 4 callers alone and beside 4 lists (ms), one list, and those lists (MB/s).", []column{
		{"p50", "wan", "p50", "%.1f", false},
		{"p99", "wan", "p99", "%.1f", false},
		{"one list", "wan", "listMBps", "%.1f", true},
		{"beside: p50", "wan", "besideP50", "%.1f", false},
		{"beside: p99", "wan", "besideP99", "%.1f", false},
		{"lists meanwhile", "wan", "bulkMBps", "%.1f", true},
	})
	r.table(page, "Readers that stopped reading: p99 of others (ms), and MiB that each holds.", []column{
		{"16: p99", "stall16", "p99", "%.1f", false},
		{"hub", "stall16", "hubMB", "%.2f", false},
		{"agents", "stall16", "agentMB", "%.2f", false},
		{"512: p99", "stall512", "p99", "%.1f", false},
		{"hub", "stall512", "hubMB", "%.2f", false},
		{"agents", "stall512", "agentMB", "%.2f", false},
	})
	r.table(page, fmt.Sprintf("%d tunnels that nobody uses, and after one request through each: what each holds in the hub.", r.options.agents), []column{
		{"resident KiB", "idle", "KB", "%.0f", false},
		{"heap KiB", "idle", "HeapKB", "%.0f", false},
		{"goroutines", "idle", "goroutines", "%.1f", false},
		{"used: resident KiB", "idle", "usedKB", "%.0f", false},
		{"heap KiB", "idle", "usedHeapKB", "%.0f", false},
		{"goroutines", "idle", "usedgoroutines", "%.1f", false},
	})
}

func (r *results) writeFailures(page *strings.Builder) {
	for _, name := range r.options.candidates {
		for _, row := range r.options.rows {
			if err := r.failed[[2]string{name, row}]; err != nil {
				fmt.Fprintf(page, "\n`%s` failed in %s: %.200s\n", name, row, strings.ReplaceAll(err.Error(), "\n", " "))
			}
		}
	}
}

func (r *results) disturbance() (low, middle, high float64) {
	var all []float64
	for _, s := range r.samples {
		all = append(all, s.Disturbed)
	}
	if len(all) == 0 {
		return 0, 0, 0
	}
	return slices.Min(all), median(all), slices.Max(all)
}
