package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
)

// worker is what config-agent and the controller of one kind of configurations are to the hub, in a cluster in which all that is
// wanted succeeds at once.
type worker[Report any] struct {
	kind   string
	report func(wanted fairlead.Configuration, ended ended) Report

	mu   sync.Mutex
	done map[string]int64       // the last generation of each configuration
	due  map[string]due[Report] // what the hub has not acknowledged
	came map[moment]time.Time   // when what leads to a state was first heard of
	told map[moment]time.Time   // when the hub acknowledged it
}

// ended is how a generation of a configuration ended.
type ended struct {
	generation int64
	state      string
	at         time.Time
}

type due[Report any] struct {
	report Report
	state  string
}

// moment is that at which a configuration is in a state.
type moment struct{ name, state string }

func newWorker[Report any](kind string, report func(fairlead.Configuration, ended) Report) *worker[Report] {
	return &worker[Report]{kind: kind, report: report, done: map[string]int64{}, due: map[string]due[Report]{}, came: map[moment]time.Time{}, told: map[moment]time.Time{}}
}

// take does what is new of what is wanted.
func (w *worker[Report]) take(wanted []fairlead.Configuration) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range wanted {
		var spec struct {
			Generation int64 `json:"generation"`
		}
		if one.Kind != w.kind || json.Unmarshal(one.Spec, &spec) != nil || w.done[one.Name] == spec.Generation {
			continue
		}
		end := ended{spec.Generation, fairlead.ExtensionSucceeded, now}
		if one.Deleted {
			end.state = fairlead.ExtensionGone
		}
		w.done[one.Name] = end.generation
		w.due[one.Name] = due[Report]{w.report(one, end), end.state}
		w.came[moment{one.Name, end.state}] = now
	}
}

// tell reports what the hub does not know.
func (w *worker[Report]) tell(ctx context.Context, send func(context.Context, []Report) error) error {
	var reports []Report
	sent := map[moment]bool{}
	w.mu.Lock()
	for name, one := range w.due {
		reports, sent[moment{name, one.state}] = append(reports, one.report), true
	}
	w.mu.Unlock()
	if len(reports) == 0 {
		return nil
	}
	if err := send(ctx, reports); err != nil {
		return err
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range sent {
		delete(w.due, one.name)
		w.told[one] = now
	}
	return nil
}

// moments returns when the agent heard of what led to a state, and when the hub acknowledged the state.
func (w *worker[Report]) moments(name, state string) (came, told time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came[moment{name, state}], w.told[moment{name, state}]
}
