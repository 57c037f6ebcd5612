package configuration

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// look is how often an operation looks at the clock while it waits.
const look = 5 * time.Second

// State is what a cluster last reported of a configuration, at At: what all kinds have in common, and all of it.
type State struct {
	ObservedGeneration int64  `json:"observedGeneration"`
	ProvisioningState  string `json:"provisioningState"`
	Operation          *struct {
		Deadline time.Time `json:"deadline"`
	} `json:"operation"`

	Text json.RawMessage `json:"-"`
	At   time.Time       `json:"-"`
}

// Await waits until a cluster reports a final state of a configuration's present generation, or of a later one, and returns nil
// when that is a success. It ends by itself when the cluster, or the state, does not come. Errors are for the operation.
func (s *Service) Await(ctx context.Context, stored store.Resource) error {
	document, err := Read(stored)
	if err != nil {
		return err
	}
	changed, cancel := s.Store.Subscribe(stored.Key) // before reading: what changes in between must not be missed
	defer cancel()
	s.counted.waiting.Add(1)
	defer s.counted.waiting.Add(-1)
	ticker := time.NewTicker(min(look, max(s.Patience.Silence/4, time.Millisecond)))
	defer ticker.Stop()
	begun := latest(document.Record.RequestedAt, s.Started)
	wait := &wait{of: document, key: stored.Key, begun: begun, since: begun, step: fairlead.DefaultExtensionTimeout}
	if s.Kind.Step != nil {
		wait.step = s.Kind.Step(stored)
	}
	for {
		over, err := s.ended(ctx, wait)
		if over {
			s.counted.ended(err)
		}
		if over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-ticker.C:
		}
	}
}

// wait is that of one operation. Since is from when on the cluster can be expected to say something of the configuration.
type wait struct {
	of           Document
	key          string
	begun, since time.Time
	step         time.Duration // how long a step that was reported may take
}

// ended reports whether an operation has, and its error.
func (s *Service) ended(ctx context.Context, w *wait) (bool, error) {
	state, err := s.State(ctx, w.key)
	if err != nil {
		return false, err
	}
	if state != nil && state.ObservedGeneration >= w.of.Record.Generation && final(*state, w.of.Record) {
		return true, s.Kind.Outcome(w.of, state.Text)
	}
	if over, err := s.superseded(ctx, w); over || err != nil {
		return true, err
	}
	if over, err := s.going(ctx, w); over || err != nil {
		return true, err
	}
	if state != nil && state.ObservedGeneration < w.of.Record.Generation {
		state = nil
	}
	return s.expired(ctx, w, state)
}

func final(state State, of Record) bool {
	switch state.ProvisioningState {
	case fairlead.ExtensionGone, fairlead.ExtensionFailed:
		return true
	case fairlead.ExtensionSucceeded:
		return !of.Deleted
	default:
		return false
	}
}

// superseded ends the operation of a write whose configuration is deleted meanwhile: the deletion has the say.
func (s *Service) superseded(ctx context.Context, w *wait) (bool, error) {
	stored, err := s.Store.GetResource(ctx, w.key)
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return true, s.preempted(w.of)
	}
	if err != nil || w.of.Record.Deleted {
		return false, err
	}
	now, err := Read(stored)
	if err != nil || !now.Record.Deleted {
		return false, err
	}
	return true, s.preempted(w.of)
}

// going ends the wait for a deletion when the cluster goes itself, or its group does: nobody is left who could report.
func (s *Service) going(ctx context.Context, w *wait) (bool, error) {
	if !w.of.Record.Deleted {
		return false, nil
	}
	cluster, err := Of(w.key)
	if err != nil {
		return false, err
	}
	group := fairlead.ResourceID{Subscription: cluster.Subscription, ResourceGroup: cluster.ResourceGroup}
	for _, above := range []fairlead.ResourceID{cluster, group} {
		stored, err := s.Store.GetResource(ctx, above.Key())
		if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		document, err := Read(stored)
		if err != nil || document.Properties.ProvisioningState == deletingState {
			return err == nil, err
		}
	}
	return false, nil
}

const codePreempted = "OperationPreempted"

func (s *Service) preempted(of Document) error {
	if of.Record.Deleted {
		return nil
	}
	return fairlead.Errorf(fairlead.Conflict, "The operation was ended by the deletion of the %s.", s.Kind.Noun).WithCode(codePreempted)
}

// Preempted ends a write that comes to its turn when its configuration is to go: the deletion waits for that. It is nil for others.
func (s *Service) Preempted(stored store.Resource) error {
	document, err := Read(stored)
	if err != nil || !document.Record.Deleted {
		return err
	}
	err = s.preempted(Document{})
	s.counted.ended(err)
	return err
}

// expired ends an operation for which there is nothing left to wait. The state is that of its generation, if there is one.
func (s *Service) expired(ctx context.Context, w *wait, state *State) (bool, error) {
	now := s.Now()
	cluster, err := Of(w.key)
	if err != nil {
		return false, err
	}
	seen := latest(w.begun, s.Presence.View(cluster.Key()).LastSeen)
	if now.Sub(seen) >= s.Patience.Silence {
		return true, s.silent(cluster, w.of, now.Sub(seen))
	}
	if state != nil {
		if now.After(s.deadline(*state, w.step)) {
			return true, s.notPopulated(w.of, now.Sub(state.At))
		}
		return false, nil
	}
	if pending, err := s.standing(ctx, cluster, w.of); pending || err != nil {
		w.since = now
		return err != nil, err
	}
	if why := s.refused(cluster, w.key); why != "" && now.Sub(w.since) >= s.Patience.Refused {
		return true, s.notApplied(w.of, why)
	}
	if now.Sub(w.since) >= s.Patience.Unreported {
		return true, s.notPopulated(w.of, now.Sub(w.since))
	}
	return false, nil
}

// standing asks whether what the configuration needs is still to come.
func (s *Service) standing(ctx context.Context, cluster fairlead.ResourceID, of Document) (bool, error) {
	if s.Kind.Footing == nil {
		return false, nil
	}
	return s.Kind.Footing(ctx, cluster, of)
}

// refused is what a cluster last said of a configuration that it cannot take, such as that extensions are switched off there.
func (s *Service) refused(cluster fairlead.ResourceID, key string) string {
	for _, status := range s.Presence.View(cluster.Key()).Configurations {
		if status.Kind != s.Kind.Name || status.Applied {
			continue
		}
		for _, kind := range s.Kind.Types {
			if Key(cluster.Key(), kind, status.Name) == key {
				return cmp.Or(status.Message, "it gives no reason")
			}
		}
	}
	return ""
}

// deadline is until when something new must have been reported of a step that runs.
func (s *Service) deadline(state State, step time.Duration) time.Time {
	reported := latest(state.At, s.Started)
	until := reported.Add(step)
	if state.Operation != nil {
		until = latest(until, state.Operation.Deadline)
	}
	if longest := reported.Add(longestStep); until.After(longest) { // the clock of a cluster may be anything
		until = longest
	}
	return until.Add(s.Patience.Grace)
}

// longestStep bounds what a cluster may ask the hub to wait for.
const longestStep = 2 * time.Hour

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, one := range times {
		if one.After(last) {
			last = one
		}
	}
	return last
}

// State returns what a cluster last reported of a configuration; nil when it has said nothing.
func (s *Service) State(ctx context.Context, key string) (*State, error) {
	known, err := s.Store.GetConfiguration(ctx, key)
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound || err == nil && len(known.State) == 0 {
		return nil, nil //nolint:nilnil // no state is an answer
	}
	if err != nil {
		return nil, err
	}
	state := &State{Text: known.State, At: known.At}
	if err := json.Unmarshal(known.State, state); err != nil {
		return nil, fmt.Errorf("read the state of %s: %w", key, err)
	}
	return state, nil
}
