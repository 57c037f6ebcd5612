// Package config is config-agent: it fetches what the hub wants of this cluster and keeps that as custom
// resources, so that agents work on while the hub is away and anybody can read it with kubectl.
package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/logline"
)

// pollSeconds is how long the hub may keep a question; proxies tend to drop what is silent for a minute.
const pollSeconds = 50

// Hub is what this agent asks of the hub.
type Hub interface {
	PendingConfigs(ctx context.Context, query fairlead.PendingQuery) (fairlead.PendingConfigs, error)
	ConfigStatuses(ctx context.Context, statuses []fairlead.ConfigurationStatus) error
	ExtensionStatuses(ctx context.Context, reports []fairlead.ExtensionReport) error
	FluxStatuses(ctx context.Context, reports []fairlead.FluxReport) error
}

// Agent is the agent.
type Agent struct {
	Kube      *kube.Client
	Hub       Hub
	Holder    *identity.Holder
	Namespace string
	Log       *slog.Logger
	Ready     func(error)
	// Extensions says that extension-manager works in this cluster. Without it the hub is told that extensions are off, and with
	// them Flux, which is one.
	Extensions bool

	kinds    map[string]wish // by version and kind
	vanished chan struct{}   // holds one signal: something that was going has gone

	etag   string                         // of the desired state that is in the cluster
	news   news                           // what of it the cluster has already
	unsent []fairlead.ConfigurationStatus // what the hub has not been told yet
	worked bool
	idle   bool // the last answer held nothing new
}

// Run fetches and applies, and reports what becomes of it, until the end of ctx.
func (a *Agent) Run(ctx context.Context) error {
	a.prepare()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.fetch(ctx) })
	if a.Extensions {
		for _, kind := range a.kinds {
			group.Go(func() error { return kind.reports.run(ctx) })
		}
	}
	return group.Wait()
}

func (a *Agent) prepare() {
	a.vanished = make(chan struct{}, 1)
	a.kinds = a.wishes()
}

func (a *Agent) fetch(ctx context.Context) error {
	var rhythm Rhythm
	for {
		if err := a.waitForIdentity(ctx); err != nil {
			return err
		}
		_, renewed, _ := a.Holder.Current()
		started := time.Now()
		err := a.once(ctx)
		a.report(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && (!a.idle || time.Since(started) > time.Second):
			rhythm.Reset()
			continue
		}
		// A failure, or a hub that has nothing new and does not wait: ask ever more rarely.
		if err := a.rest(ctx, rhythm.After(err), renewed); err != nil {
			return err
		}
	}
}

// rest waits before the next question. A new certificate ends it, and an object that has gone: its name is free.
func (a *Agent) rest(ctx context.Context, d time.Duration, renewed <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-renewed:
	case <-a.vanished:
	case <-timer.C:
	}
	return nil
}

func (a *Agent) waitForIdentity(ctx context.Context) error {
	if _, _, reason := a.Holder.Current(); reason != nil {
		a.report(reason)
	}
	_, err := a.Holder.Wait(ctx, a.Log)
	return err
}

// report keeps the agent ready once it has worked: it goes on with what it knows.
func (a *Agent) report(err error) {
	a.worked = a.worked || err == nil
	if a.worked {
		err = nil
	}
	a.Ready(err)
}

// once polls, applies and reports. When something could not be applied, the ETag stays old, so that the
// hub offers the same again.
func (a *Agent) once(ctx context.Context) error {
	pending, err := a.poll(ctx)
	if err != nil {
		return err
	}
	a.idle = pending.Unchanged
	failed := a.applyAll(ctx, pending)
	return errors.Join(failed, a.sendStatuses(ctx))
}

func (a *Agent) poll(ctx context.Context) (fairlead.PendingConfigs, error) {
	query := fairlead.PendingQuery{ETag: a.etag, WaitSeconds: pollSeconds}
	if !a.worked {
		query.WaitSeconds = 0
	}
	pending, err := a.Hub.PendingConfigs(ctx, query)
	if err != nil {
		a.logFailure(ctx, err)
		return pending, err
	}
	a.Log.InfoContext(ctx, "desired state fetched", slog.String(logline.Phrase, "GET configurations returned response code {200}"),
		slog.Bool("changed", !pending.Unchanged))
	return pending, nil
}

// logFailure says what went wrong in the words that guides and the doctor search for.
func (a *Agent) logFailure(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if refused, ok := errors.AsType[*dataplane.Refusal](err); ok {
		a.Log.InfoContext(ctx, "the hub refuses", slog.String(logline.Phrase,
			fmt.Sprintf("Errorcode: %d, Message %s, Target %s", refused.Status, refused.Message, refused.Target)))
	}
	a.Log.InfoContext(ctx, "desired state not fetched", slog.String(logline.Phrase,
		fmt.Sprintf("Failed to GET configurations with err : {%s}", err)))
}

func (a *Agent) applyAll(ctx context.Context, pending fairlead.PendingConfigs) error {
	if pending.Unchanged {
		return nil
	}
	var failures []error
	a.unsent = a.unsent[:0]
	known := news{}
	for _, wanted := range a.news.first(pending.Configurations) {
		err := a.apply(ctx, wanted)
		a.unsent = append(a.unsent, statusOf(wanted, pending.ETag, err))
		if err != nil {
			a.Log.ErrorContext(ctx, "cannot apply a configuration", slog.String("kind", wanted.Kind),
				slog.String("name", wanted.Name), slog.String("error", err.Error()))
			failures = append(failures, err)
			continue
		}
		known.got(wanted)
	}
	a.news = known
	for _, kind := range a.kinds {
		kind.reports.mention(pending.Configurations)
	}
	if len(failures) == 0 {
		a.etag = pending.ETag
		return nil
	}
	return fmt.Errorf("%w: %w", errNotApplied, errors.Join(failures...))
}

func statusOf(wanted fairlead.Configuration, etag string, err error) fairlead.ConfigurationStatus {
	status := fairlead.ConfigurationStatus{Kind: wanted.Kind, Name: wanted.Name, ETag: etag, Applied: err == nil}
	if err != nil {
		status.Message = err.Error()
	}
	return status
}

func (a *Agent) sendStatuses(ctx context.Context) error {
	if len(a.unsent) == 0 {
		return nil
	}
	if err := a.Hub.ConfigStatuses(ctx, a.unsent); err != nil {
		return fmt.Errorf("report what was applied: %w", err)
	}
	a.unsent = a.unsent[:0]
	return nil
}
