package aadproxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy/policy"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/caller"
)

const (
	policyKey = "policy.yaml"
	// How long a request waits for the policy of an agent that has just started.
	policyPatience = 10 * time.Second
)

// owner is the cluster's owner, as far as his policy tells: it is followed in its ConfigMap, and what cannot be read lets
// nobody do anything.
type owner struct {
	kube      *kube.Client
	namespace string
	now       func() time.Time
	log       *slog.Logger
	changed   func() // what is open is to be weighed again

	ruling atomic.Pointer[ruling] // nil until somebody has looked
	known  chan struct{}          // closed once there is a ruling
	once   sync.Once
}

// ruling is what the owner says now.
type ruling struct {
	policy *policy.Policy // nil with no err: there is none, and nothing is forbidden
	err    error          // why it cannot be read
	text   string
}

// follow follows the policy until the end of ctx.
func (o *owner) follow(ctx context.Context) error {
	watcher := kube.Watcher[corev1.ConfigMap, *corev1.ConfigMap]{
		Client: o.kube, What: kube.ConfigMaps(o.namespace).Named(fairlead.ConnectPolicy), Log: o.log,
		Changed: func(ctx context.Context, all map[string]*corev1.ConfigMap) { o.take(ctx, all[fairlead.ConnectPolicy]) },
	}
	return watcher.Run(ctx)
}

func (o *owner) take(ctx context.Context, object *corev1.ConfigMap) {
	now := read(object)
	before := o.ruling.Swap(now)
	o.once.Do(func() { close(o.known) })
	if before != nil && before.text == now.text && (before.policy == nil) == (now.policy == nil) && (before.err == nil) == (now.err == nil) {
		return
	}
	switch {
	case now.err != nil:
		o.log.ErrorContext(ctx, "the policy of the cluster's owner cannot be read, so that nobody may do anything through the hub", slog.String("error", now.err.Error()))
	case now.policy != nil:
		o.log.InfoContext(ctx, "the policy of the cluster's owner is followed", slog.Int("rules", len(now.policy.Rules)), slog.String("otherwise", string(now.policy.Otherwise)))
	case before != nil:
		o.log.InfoContext(ctx, "there is no policy of the cluster's owner any more")
	}
	o.changed()
}

func read(object *corev1.ConfigMap) *ruling {
	if object == nil {
		return &ruling{}
	}
	text, ok := object.Data[policyKey]
	if !ok {
		return &ruling{err: fmt.Errorf("it has no %s", policyKey)}
	}
	found, err := policy.Parse(text)
	return &ruling{policy: found, err: err, text: text}
}

// wait waits until it is known what the owner says.
func (o *owner) wait(ctx context.Context) error {
	if o.ruling.Load() != nil {
		return nil
	}
	timer := time.NewTimer(policyPatience)
	defer timer.Stop()
	select {
	case <-o.known:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return refusedByOwner(errors.New("it has not been read yet"))
	}
}

// keepHours has what is open weighed at every full minute while the policy has hours. It looks often, because clocks jump.
func (o *owner) keepHours(ctx context.Context) error {
	last := o.now().Truncate(time.Minute)
	for {
		if err := pace.Wait(ctx, time.Second, nil); err != nil {
			return err
		}
		now := o.now().Truncate(time.Minute)
		if r := o.ruling.Load(); !now.Equal(last) && r != nil && r.policy != nil && r.policy.HasHours() {
			o.changed()
		}
		last = now
	}
}

// asksWho reports whether it matters to the policy who comes with a token of the cluster's own.
func (o *owner) asksWho() bool {
	r := o.ruling.Load()
	return r != nil && r.policy != nil && r.policy.NeedsNames()
}

// silent reports whether the owner says nothing.
func (o *owner) silent() bool {
	r := o.ruling.Load()
	return r != nil && r.err == nil && r.policy == nil
}

// decide returns why the owner forbids a request, nil when he does not.
func (o *owner) decide(s *stated, a asked) error {
	r := o.ruling.Load()
	switch {
	case r == nil:
		return refusedByOwner(errors.New("it has not been read yet"))
	case r.err != nil:
		return refusedByOwner(fmt.Errorf("it cannot be read, so that nothing is allowed: %w", r.err))
	case r.policy == nil:
		return nil
	case s.Mode == caller.Token && a.who == nil && r.policy.NeedsNames():
		return errRightsLost // begun under a policy that did not ask
	}
	if err := r.verdicts(s, a).Decide(a.Request, o.now()); err != nil {
		return refusedByOwner(err)
	}
	return nil
}

// verdicts returns the policy for a caller. It is remembered with the statement, because of callers with many groups.
func (r *ruling) verdicts(s *stated, a asked) *policy.Verdicts {
	if a.who != nil {
		return r.policy.For(*a.who)
	}
	if known := s.verdicts.Load(); known != nil && known.of == r.policy {
		return known.Verdicts
	}
	made := r.policy.For(policy.Subject{User: s.User, Groups: s.Groups, ObjectID: s.Subject})
	s.verdicts.Store(&remembered{made, r.policy})
	return made
}

// remembered is what a policy says to a caller.
type remembered struct {
	*policy.Verdicts

	of *policy.Policy
}

func refusedByOwner(why error) refusal {
	return forbidden("forbidden by the policy of the cluster's owner (ConfigMap " + fairlead.AgentNamespace + "/" + fairlead.ConnectPolicy + "): " + why.Error())
}
