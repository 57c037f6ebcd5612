package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/fairlead/fairlead"
)

// report is what was found.
type report struct {
	At         time.Time `json:"at"`
	Version    string    `json:"version"`
	Profile    string    `json:"profile"`
	Hub        string    `json:"hub"`
	Processors int       `json:"processors"`
	Outcomes   []outcome `json:"outcomes"`
}

// outcome is how a fault went.
type outcome struct {
	Fault  string  `json:"fault"`
	What   string  `json:"what"`
	Took   seconds `json:"tookSeconds"`
	Claims []claim `json:"claims"`
}

// claim is something that must hold, and what was seen.
type claim struct {
	What string `json:"what"`
	Held bool   `json:"held"`
	Seen string `json:"seen"`
}

// seconds is a time as JSON has it.
type seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Seconds())
}

func newReport(o options) *report {
	return &report{
		At: time.Now().UTC(), Version: fairlead.Version, Profile: string(o.profile), Processors: runtime.NumCPU(),
		Hub: "the binary, in a process of its own; the agents' packages and a stand-in for the API server in this one",
	}
}

func (o outcome) failed() int {
	count := 0
	for _, c := range o.Claims {
		if !c.Held {
			count++
		}
	}
	return count
}

func (o outcome) summary() string {
	if failed := o.failed(); failed > 0 {
		return fmt.Sprintf("%d of %d did not hold", failed, len(o.Claims))
	}
	return fmt.Sprintf("all %d held", len(o.Claims))
}

func (r *report) write(out io.Writer, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	fmt.Fprintf(out, "Profile %s. Hub: %s.\n", r.Profile, r.Hub)
	for _, o := range r.Outcomes {
		fmt.Fprintf(out, "\n%s: %s (%s)\n", o.Fault, o.What, round(time.Duration(o.Took)))
		for _, c := range o.Claims {
			mark := "held  "
			if !c.Held {
				mark = "FAILED"
			}
			fmt.Fprintf(out, "  %s  %s: %s\n", mark, c.What, c.Seen)
		}
	}
	return nil
}

// verdict is an error when something did not hold.
func (r *report) verdict() error {
	failed := 0
	for _, o := range r.Outcomes {
		failed += o.failed()
	}
	if failed > 0 {
		return fmt.Errorf("%d things did not hold that must", failed)
	}
	return nil
}
