package extension

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/logline"
	"github.com/fairlead/fairlead/agent/pace"
)

// What makes an operation give up before its end.
var (
	errSuperseded = errors.New("the hub wants something newer")
	errVanished   = errors.New("the extension was taken away without uninstalling")
)

const (
	// A deletion that has failed is tried again that often: whatever held it up may be gone.
	againAfter = 10 * time.Minute
	// How often the extensions are looked at for what is due by time alone.
	remindEvery = 15 * time.Second
)

// subject is an extension as this process knows it. Its state is what this process wrote last, which the watch may not have
// brought yet: nobody else writes it.
type subject struct {
	object  *extensionconfig.Object
	state   fairlead.ExtensionState
	running *run
	// notBefore is when a deletion that has failed is tried again, of which generation it was.
	notBefore time.Time
	tried     int64
	// compared is when what runs is compared with what was installed next, and versions what is known of it.
	compared time.Time
	versions helm.Versions
}

// run is an operation that is being done.
type run struct {
	object *extensionconfig.Object
	// giveUp ends waiting, so that a newer wish is not kept waiting; stop ends all.
	giveUp func(error)
	stop   func(error)
}

// take takes in what there is.
func (m *Manager) take(ctx context.Context, all map[string]*extensionconfig.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest = all
	for name, object := range all {
		known := m.subjects[name]
		if known == nil || known.object.UID != object.UID {
			if known != nil && known.running != nil {
				known.running.stop(errVanished)
				continue // it is begun anew when the old one has ended
			}
			known = m.newSubject(object)
			m.subjects[name] = known
		}
		known.object = object
		m.consider(ctx, known)
	}
	for name, known := range m.subjects {
		if all[name] != nil {
			continue
		}
		if known.running != nil {
			known.running.stop(errVanished)
			continue
		}
		delete(m.subjects, name)
	}
}

// newSubject is an extension that this process has not seen before. What was installed is not compared with what runs at once: a
// process that starts sees all extensions.
func (m *Manager) newSubject(object *extensionconfig.Object) *subject {
	return &subject{object: object, state: object.Status, compared: m.Now().Add(pace.Spread(m.driftEvery())), versions: helm.Versions{}}
}

func (m *Manager) driftEvery() time.Duration { return cmp.Or(m.Drift, driftEvery) }

// consider begins what is due, or makes room for it. The caller holds the lock.
func (m *Manager) consider(ctx context.Context, s *subject) {
	if s.running != nil {
		if outdated(s.running.object, s.object) {
			s.running.giveUp(errSuperseded)
		}
		return
	}
	switch {
	case ctx.Err() != nil:
	case m.due(s):
		m.start(ctx, s, m.attempt)
	case !s.object.Going() && s.state.ProvisioningState == fairlead.ExtensionSucceeded && !m.Now().Before(s.compared):
		s.compared = m.Now().Add(pace.Jitter(m.driftEvery()))
		versions := s.versions
		m.start(ctx, s, func(ctx, waiting context.Context, object *extensionconfig.Object, state fairlead.ExtensionState) (fairlead.ExtensionState, error) {
			o := &operation{Manager: m, object: object, state: state, waiting: waiting}
			err := o.compare(ctx, versions)
			return o.state, err
		})
	}
}

// outdated reports whether an operation is about something that is not wanted any more. To be gone is wanted of every generation.
func outdated(begun, now *extensionconfig.Object) bool {
	return begun.Going() != now.Going() || !now.Going() && begun.Spec.Generation != now.Spec.Generation
}

func (m *Manager) due(s *subject) bool {
	if s.object.Going() {
		return s.object.Held() && (s.tried != s.object.Spec.Generation || !m.Now().Before(s.notBefore))
	}
	return s.state.ObservedGeneration != s.object.Spec.Generation || !extensionconfig.Final(s.state) || s.state.Operation != nil
}

// work is what an operation does. It returns the state that it wrote last.
type work func(ctx, waiting context.Context, object *extensionconfig.Object, state fairlead.ExtensionState) (fairlead.ExtensionState, error)

func (m *Manager) start(outer context.Context, s *subject, do work) {
	ctx, stop := context.WithCancelCause(outer)
	waiting, giveUp := context.WithCancelCause(ctx)
	r := &run{object: s.object, giveUp: giveUp, stop: stop}
	s.running = r
	state := s.state
	m.group.Go(func() {
		defer giveUp(nil)
		defer stop(nil)
		state, err := do(logline.WithCorrelation(ctx, r.object.Spec.CorrelationID), waiting, r.object, state)
		m.finish(outer, context.Cause(ctx), s, state, err)
	})
}

// attempt waits for its turn and does what is due. What panics in a chart's rendering fails the operation, not the process.
func (m *Manager) attempt(ctx, waiting context.Context, object *extensionconfig.Object, state fairlead.ExtensionState) (_ fairlead.ExtensionState, err error) {
	if err := m.slots.Acquire(waiting, 1); err != nil {
		return state, fmt.Errorf("wait for a turn: %w", context.Cause(waiting))
	}
	defer m.slots.Release(1)
	o := &operation{Manager: m, object: object, state: state, waiting: waiting}
	defer func() {
		if reason := recover(); reason != nil {
			m.Log.ErrorContext(ctx, "an operation broke off", slog.String("extension", object.Name), slog.String("stack", string(debug.Stack())))
			err = o.fail(ctx, fmt.Errorf("the operation broke off: %v", reason))
		}
	}()
	if object.Going() {
		err = o.remove(ctx)
	} else {
		err = o.reconcile(ctx)
	}
	return o.state, err
}

// finish takes in how an operation has ended and begins what became due meanwhile.
func (m *Manager) finish(ctx context.Context, stopped error, s *subject, state fairlead.ExtensionState, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := s.object.Name
	done := s.running.object
	s.running, s.state = nil, state
	if errors.Is(stopped, errVanished) {
		delete(m.subjects, name)
		if again := m.latest[name]; again != nil {
			s = m.newSubject(again)
			m.subjects[name] = s
			m.consider(ctx, s)
		}
		return
	}
	if err != nil {
		m.Log.InfoContext(ctx, "an operation of an extension has not come to its end", slog.String("extension", name), slog.String("because", err.Error()))
	}
	if done.Going() {
		s.tried, s.notBefore = done.Spec.Generation, m.Now().Add(pace.Jitter(againAfter))
	}
	if m.subjects[name] == s {
		m.consider(ctx, s)
	}
}

// remind looks for what is due by time alone until the end of ctx.
func (m *Manager) remind(ctx context.Context) error {
	for {
		if err := pace.Wait(ctx, min(remindEvery, m.driftEvery()), nil); err != nil {
			return err
		}
		m.mu.Lock()
		for _, s := range m.subjects {
			m.consider(ctx, s)
		}
		m.mu.Unlock()
	}
}
