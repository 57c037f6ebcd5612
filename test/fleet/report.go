package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The promises of the project, for 10,000 agents.
const (
	maxMemory = 4 << 30           // bytes
	maxCores  = 1.0               // half of two
	maxChange = seconds(5e8)      // p99
	maxHerd   = seconds(60 * 1e9) // until all are back, and Offline at most
)

// report is all that was found.
type report struct {
	At           time.Time    `json:"at"`
	Agents       int          `json:"agents"`
	Registration registration `json:"registration"`
	Idle         *idle        `json:"idle,omitempty"`
	BareIdle     *idle        `json:"bareIdle,omitempty"`
	ChangeSample *delivery    `json:"changeSample,omitempty"`
	ChangeAll    *delivery    `json:"changeAll,omitempty"`
	Listing      *listing     `json:"listing,omitempty"`
	Extensions   *convergence `json:"extensions,omitempty"`
	// ExtensionsGone is how the same were removed.
	ExtensionsGone *convergence `json:"extensionsGone,omitempty"`
	Configurations *convergence `json:"configurations,omitempty"`
	// ConfigurationsGone is how they were removed.
	ConfigurationsGone *convergence `json:"configurationsGone,omitempty"`
	Herd               *herd        `json:"herd,omitempty"`
	BareHerd           *herd        `json:"bareHerd,omitempty"`
	Promises           []promise    `json:"promises"`
}

// promise is a figure with its limit.
type promise struct {
	Name  string `json:"name"`
	Limit string `json:"limit"`
	Found string `json:"found"`
	Kept  bool   `json:"kept"`
}

func newReport(o options) report { return report{At: time.Now().UTC(), Agents: o.agents} }

// judge compares what was measured with what is promised.
func (r *report) judge() {
	if i := r.Idle; i != nil {
		r.promise("memory at rest", "4 GiB", mebibytes(i.Peak), i.Peak <= maxMemory)
		r.promise("processor at rest", "1 core", fmt.Sprintf("%.2f cores", i.Cores), i.Cores <= maxCores)
		r.promise("heartbeats at rest", "none lost", fmt.Sprintf("%d lost of %d", i.Failed, i.Heartbeats.Count), i.Failed == 0)
	}
	for name, d := range map[string]*delivery{"one change to all": r.ChangeAll, "one change to a sample": r.ChangeSample} {
		if d != nil {
			r.promise(name+", delivered", "all", fmt.Sprintf("%d of %d", d.Delivered, d.Wanted), d.Delivered == d.Wanted)
			r.promise(name+", p99", "0.5 s", d.FromAck.P99.String(), d.FromAck.P99 <= maxChange)
		}
	}
	if l := r.Listing; l != nil {
		r.promise("list of all clusters", "complete", fmt.Sprintf("%d of %d", l.All.Found, r.Agents), l.All.Found == r.Agents)
	}
	for name, c := range map[string]*convergence{
		"extensions installed": r.Extensions, "extensions removed": r.ExtensionsGone, "configurations applied": r.Configurations, "configurations removed": r.ConfigurationsGone,
	} {
		if c != nil {
			r.promise(name, "all", fmt.Sprintf("%d of %d", c.Ended, c.Wanted), c.Ended == c.Wanted)
		}
	}
	if h := r.Herd; h != nil {
		r.promise("all back after a restart", "60 s", h.Complete.String(), h.Complete <= maxHerd)
		r.promise("nobody Offline for longer", "60 s", h.Offline.Longest.String(), h.Offline.Longest <= maxHerd)
	}
}

func (r *report) promise(name, limit, found string, kept bool) {
	r.Promises = append(r.Promises, promise{name, limit, found, kept})
}

// verdict is an error that names what was not kept.
func (r *report) verdict() error {
	var broken []string
	for _, p := range r.Promises {
		if !p.Kept {
			broken = append(broken, fmt.Sprintf("%s: %s, promised is %s", p.Name, p.Found, p.Limit))
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("not kept: %s", strings.Join(broken, "; "))
}

func (r *report) write(out io.Writer, o options) error {
	if o.out != "" {
		if err := ours().Write(o.out, r.section()); err != nil {
			return err
		}
	}
	if o.format == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	_, err := io.WriteString(out, r.section())
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
