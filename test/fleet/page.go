package main

import (
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/test/cluster/page"
)

// ours is the part of the page that this program writes.
func ours() page.Section { return page.Section{Name: "fleet", Writer: "test/fleet"} }

// section is the report for people, in Markdown.
func (r *report) section() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## %d clusters on one hub\n\n", r.Agents)
	fmt.Fprintf(&text, "%s The hub may use %d processors; the simulated agents share the machine with it and are not charged to it. "+
		"The baseline is a bare server of net/http with the same agents, connections and requests that checks nothing and keeps nothing.\n",
		page.Measured(r.At), cores)
	r.writeIdle(&text)
	r.writeChange(&text)
	r.writeRollouts(&text)
	r.writeHerd(&text)
	r.writeListing(&text)
	r.writePromises(&text)
	return text.String()
}

func (r *report) writeIdle(page *strings.Builder) {
	if r.Idle == nil {
		return
	}
	fmt.Fprintf(page, "\nAt rest: a long poll held for each agent, and a heartbeat of each every five seconds; of more than %d, a heartbeat every thirty seconds "+
		"and a ping of the connection every five.\n\n", fairlead.ManyClusters)
	fmt.Fprintf(page, "| | memory | per agent | processor | heartbeat p50 | p99 | lost | agents' side |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	rows := map[string]*idle{"hub": r.Idle, "bare server": r.BareIdle}
	for _, name := range []string{"hub", "bare server"} {
		if i := rows[name]; i != nil {
			fmt.Fprintf(page, "| %s | %s | %.0f KiB | %.2f cores | %s | %s | %d | %.2f cores |\n", name, mebibytes(i.Resident), float64(i.PerAgent)/1024, i.Cores,
				i.Heartbeats.P50, i.Heartbeats.P99, i.Failed, i.SimulatorCores)
		}
	}
	if b := r.BareIdle; b != nil {
		fmt.Fprintf(page, "| hub / bare server | %.1f | %.1f | %.1f | | | | |\n", ratio(r.Idle.Resident, b.Resident), ratio(r.Idle.PerAgent, b.PerAgent), r.Idle.Cores/b.Cores)
	}
	fmt.Fprintf(page, "| aim | ≤ 4096 MiB | | ≤ 1.00 cores | | | 0 | |\n")
}

func (r *report) writeChange(page *strings.Builder) {
	if r.ChangeAll == nil {
		return
	}
	fmt.Fprintf(page, "\nA change of a cluster's desired state: from the acknowledgement of the write to the answer of that agent's poll, and from the beginning of the write.\n\n")
	fmt.Fprintf(page, "| | delivered | p50 | p99 | slowest | from the beginning: p50 | p99 | all took |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for name, d := range map[string]*delivery{fmt.Sprintf("to all, %d writers", writers): r.ChangeAll} {
		d.row(page, name)
	}
	r.ChangeSample.row(page, "to a sample, one at a time")
	fmt.Fprintf(page, "| aim | all | | ≤ 0.5 s | | | | |\n")
}

func (d *delivery) row(page *strings.Builder, name string) {
	fmt.Fprintf(page, "| %s | %d of %d | %s | %s | %s | %s | %s | %s |\n", name, d.Delivered, d.Wanted, d.FromAck.P50, d.FromAck.P99, d.FromAck.Max, d.FromWrite.P50, d.FromWrite.P99, d.Took)
}

func (r *report) writeRollouts(page *strings.Builder) {
	if r.Extensions == nil && r.Configurations == nil {
		return
	}
	fmt.Fprintf(page, "\nWhat is rolled out to some of the clusters, %d writers: until an agent's poll brings it what is wanted, from the acknowledgement of the write and from its beginning; "+
		"converged is when the hub has the last agent's report. The agents install and apply nothing and report success at once, so that what is measured is the hub.\n\n", writers)
	fmt.Fprintf(page, "| | delivered | converged | in | write p50 | p99 | p50 | p99 | slowest | from the beginning: p50 | p99 | processor | memory before | after | agents' side |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, line := range []struct {
		name string
		row  *convergence
	}{
		{"extensions installed", r.Extensions},
		{"extensions removed", r.ExtensionsGone},
		{"Flux configurations made", r.Configurations},
		{"Flux configurations removed", r.ConfigurationsGone},
	} {
		if line.row != nil {
			line.row.write(page, fmt.Sprintf("%s, on %d clusters", line.name, line.row.Clusters))
		}
	}
	fmt.Fprintf(page, "| aim | all | all | | | | | | | | | | | | |\n")
}

func (c *convergence) write(page *strings.Builder, name string) {
	fmt.Fprintf(page, "| %s | %d of %d | %d of %d | %s | %s | %s | %s | %s | %s | %s | %s | %.2f cores | %s | %s | %.2f cores |\n", name, c.Delivered, c.Wanted, c.Ended, c.Wanted, c.Took,
		c.Write.P50, c.Write.P99, c.FromAck.P50, c.FromAck.P99, c.FromAck.Max, c.FromWrite.P50, c.FromWrite.P99, c.Cores, mebibytes(c.Before), mebibytes(c.Resident), c.SimulatorCores)
}

func (r *report) writeHerd(page *strings.Builder) {
	if r.Herd == nil {
		return
	}
	fmt.Fprintf(page, "\nThe server is killed and started again; times count from when it was ready. Offline is what the inventory says of anybody meanwhile.\n\n")
	fmt.Fprintf(page, "| | down | half back | 99 %% back | last agent back | all polls held | processor | memory, peak | ever Offline | longest Offline | heartbeats lost | handshakes: served | refused | agents' side |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	r.Herd.row(page, "hub")
	if r.BareHerd != nil {
		r.BareHerd.row(page, "bare server")
	}
	fmt.Fprintf(page, "| aim | | | | | ≤ 60 s | | ≤ 4096 MiB | | ≤ 60 s | | | | |\n")
}

func (h *herd) row(page *strings.Builder, name string) {
	clusters, longest := "", ""
	if h.Offline != nil {
		clusters, longest = fmt.Sprint(h.Offline.Clusters), h.Offline.Longest.String()
	}
	fmt.Fprintf(page, "| %s | %s | %s | %s | %s | %s | %.2f cores | %s | %s | %s | %d | %d | %d | %.2f cores |\n", name, h.Down, h.Returned.P50, h.Returned.P99, h.Returned.Max, h.Complete, h.Cores,
		mebibytes(h.Peak), clusters, longest, h.Failed, h.Handshakes.Served, h.Handshakes.Refused, h.SimulatorCores)
}

func (r *report) writeListing(page *strings.Builder) {
	if r.Listing == nil {
		return
	}
	fmt.Fprintf(page, "\nThe inventory, while all agents are connected:\n\n| question | found | pages | page p50 | slowest | all |\n|---|---:|---:|---:|---:|---:|\n")
	r.Listing.All.row(page, "list of connected clusters")
	fmt.Fprintf(page, "| one by name | %d | | %s | %s | |\n", r.Listing.Named.Count, r.Listing.Named.P50, r.Listing.Named.Max)
	for _, s := range r.Listing.Searches {
		if s.Refused != "" {
			fmt.Fprintf(page, "| `%s` | not offered (%s) | | | | |\n", s.Filter, s.Refused)
			continue
		}
		s.row(page, "`"+s.Filter+"`")
	}
	reg := r.Registration
	fmt.Fprintf(page, "\nRegistration, %d at a time: %d clusters in %s (p50 %s, p99 %s), %d identities in %s (p50 %s, p99 %s).\n", registrars,
		reg.Clusters.Count, reg.ClustersTook, reg.Clusters.P50, reg.Clusters.P99, reg.Identities.Count, reg.IdentitiesTook, reg.Identities.P50, reg.Identities.P99)
}

func (w walk) row(page *strings.Builder, name string) {
	fmt.Fprintf(page, "| %s | %d | %d | %s | %s | %s |\n", name, w.Found, w.Pages.Count, w.Pages.P50, w.Pages.Max, w.Took)
}

func (r *report) writePromises(page *strings.Builder) {
	if err := r.verdict(); err != nil {
		fmt.Fprintf(page, "\n**%s**\n", err)
	}
}

func ratio(a, b int64) float64 { return float64(a) / float64(max(1, b)) }
