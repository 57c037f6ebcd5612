package rollout

import (
	"fmt"
	"slices"
	"time"
)

// State is how far one extension is with a version.
type State int

// The states. Away is an extension of a cluster that gives no sign of life: it is not begun, and nobody waits for it.
const (
	Pending State = iota
	Running
	Done
	Failed
	Away
)

// Target is one extension that is to get a version. Since is when its state was reached.
type Target struct {
	ID    string
	Tags  map[string]string // of its cluster
	State State
	Since time.Time
}

// Decision is what is to be done now. Begin are the targets to upgrade, Why says what the others wait for.
type Decision struct {
	Begin []string
	Why   string
}

// Decide says which targets of one version are to be begun now.
func (p Policy) Decide(targets []Target, now time.Time) Decision {
	waves := make([][]Target, len(p.Waves)+1)
	failures := 0
	for _, target := range targets {
		at := p.wave(target.Tags)
		waves[at] = append(waves[at], target)
		if target.State == Failed {
			failures++
		}
	}
	if failures >= p.failures() {
		return Decision{Why: fmt.Sprintf("stopped: %d upgrades to this version have failed", failures)}
	}
	for at, wave := range waves {
		if begin := pending(wave); len(begin) > 0 {
			return p.begin(begin, now)
		}
		if why := p.waits(at, wave, now); why != "" {
			return Decision{Why: why}
		}
	}
	return Decision{}
}

func (p Policy) begin(begin []string, now time.Time) Decision {
	if !p.Open(now) {
		return Decision{Why: "outside of the maintenance windows"}
	}
	return Decision{Begin: begin}
}

func pending(wave []Target) []string {
	var ids []string
	for _, target := range wave {
		if target.State == Pending {
			ids = append(ids, target.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// waits says why the wave after this one does not begin yet, empty when it may.
func (p Policy) waits(at int, wave []Target, now time.Time) string {
	gate, err := p.gate()
	if err != nil {
		return err.Error()
	}
	for _, target := range wave {
		switch {
		case target.State == Running:
			return fmt.Sprintf("wave %d is being upgraded", at+1)
		case target.State == Done && now.Sub(target.Since) < gate:
			return fmt.Sprintf("wave %d has not been well for %s yet", at+1, gate)
		}
	}
	return ""
}
