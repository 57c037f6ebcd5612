package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
)

// extensionAgent is what config-agent and extension-manager are to the hub, in a cluster in which all that is wanted succeeds at once.
type extensionAgent struct {
	mu   sync.Mutex
	done map[string]int64                    // the last generation of each extension
	due  map[string]fairlead.ExtensionReport // what the hub has not acknowledged
	came map[string]time.Time                // when what leads to a state was first heard of
	told map[string]time.Time                // when the hub acknowledged it
}

func newExtensionAgent() *extensionAgent {
	return &extensionAgent{done: map[string]int64{}, due: map[string]fairlead.ExtensionReport{}, came: map[string]time.Time{}, told: map[string]time.Time{}}
}

// take does what is new of what is wanted.
func (e *extensionAgent) take(wanted []fairlead.Configuration) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range wanted {
		var spec fairlead.ExtensionSpec
		if one.Kind != fairlead.ExtensionConfigKind || json.Unmarshal(one.Spec, &spec) != nil || e.done[one.Name] == spec.Generation {
			continue
		}
		state := stateOf(spec, now)
		if one.Deleted {
			state = fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone, Time: now}
		}
		e.done[one.Name] = spec.Generation
		e.due[one.Name] = fairlead.ExtensionReport{Name: one.Name, State: state}
		e.came[moment(one.Name, state.ProvisioningState)] = now
	}
}

func stateOf(spec fairlead.ExtensionSpec, now time.Time) fairlead.ExtensionState {
	return fairlead.ExtensionState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: spec.Version, ReleaseRevision: 1, Time: now,
		Statuses: []fairlead.ExtensionStatus{{Code: "Installed", DisplayStatus: "Installed", Level: "Information", Message: "revision 1 is ready", Time: now}},
	}
}

func moment(name, state string) string { return name + " " + state }

// tell reports what the hub does not know.
func (e *extensionAgent) tell(ctx context.Context, send func(context.Context, []fairlead.ExtensionReport) error) error {
	e.mu.Lock()
	reports := slices.Collect(maps.Values(e.due))
	e.mu.Unlock()
	if len(reports) == 0 {
		return nil
	}
	if err := send(ctx, reports); err != nil {
		return err
	}
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, report := range reports {
		delete(e.due, report.Name)
		e.told[moment(report.Name, report.State.ProvisioningState)] = now
	}
	return nil
}

// moments returns when the agent heard of what led to a state, and when the hub acknowledged the state.
func (e *extensionAgent) moments(name, state string) (came, told time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.came[moment(name, state)], e.told[moment(name, state)]
}
