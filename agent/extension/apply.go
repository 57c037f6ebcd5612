package extension

import (
	"context"
	"errors"
	"fmt"
	"time"

	releasev1 "helm.sh/helm/v4/pkg/release/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/pace"
)

// helm lets Helm work on the release, for no longer than what waiting is allowed and a margin. Each of Helm's steps goes into
// the journal before it begins.
func (o *operation) helm(ctx context.Context, do func(*helm.Release) error) error {
	bounded, cancel := context.WithTimeout(ctx, o.timeout()+margin)
	defer cancel()
	waiting, stop := context.WithTimeout(o.waiting, o.timeout())
	defer stop()
	o.state.Operation.Deadline = o.Now().UTC().Add(o.timeout() + margin).Truncate(time.Second)
	var journal gate
	defer journal.close()
	watching, quiet := context.WithCancel(bounded)
	defer quiet()
	o.witness, o.worked = o.explainer.Watch(watching, o.object.Spec.ReleaseNamespace), true
	var awaited []string
	release, err := o.cluster.Open(bounded, waiting, o.object.Spec.ReleaseNamespace, o.object.Spec.ReleaseName, func(step string, objects []string) {
		journal.pass(func() {
			awaited = objects
			_ = o.note(bounded, step) // without the journal there is no API server for the step either
		})
	})
	if err != nil {
		return err
	}
	go o.tellWaits(watching, o.witness, func(tell func([]string)) { journal.pass(func() { tell(awaited) }) })
	return do(release)
}

func (o *operation) install(ctx context.Context, wanted *goal) error {
	o.state.Operation.Kind = kindInstall
	err := o.helm(ctx, func(release *helm.Release) error { return release.Install(o.wanted(wanted)) })
	_, err = o.conclude(ctx, err, "installed")
	return err
}

func (o *operation) upgrade(ctx context.Context, wanted *goal, history []*releasev1.Release) error {
	last := history[len(history)-1]
	if deployed(last) && wanted.is(last) {
		drift, err := o.drift(ctx, helm.Versions{})
		if err == nil && len(drift) == 0 {
			o.runs(last)
			return o.end(ctx, "nothing had to be changed")
		}
	}
	o.state.Operation.Kind = kindUpgrade
	err := o.helm(ctx, func(release *helm.Release) error { return release.Upgrade(o.wanted(wanted)) })
	history, err = o.conclude(ctx, err, "upgraded")
	reason, failed := errors.AsType[*fault](err)
	if !failed || reason.known.Code == fairlead.CauseUnreachable { // it is done again when the API server is back
		return err
	}
	return o.restore(ctx, history, reason)
}

func (o *operation) wanted(wanted *goal) helm.Wanted {
	return helm.Wanted{
		Chart: wanted.chart, Values: wanted.values, Labels: wanted.labels, Timeout: o.timeout(), Adopt: o.object.Spec.Adopt,
	}
}

// conclude ends an operation that has worked, and puts the record of one that has not into a state from which others can go on.
// The error is then one with its cause.
func (o *operation) conclude(ctx context.Context, err error, done string) ([]*releasev1.Release, error) {
	if err != nil && ctx.Err() == nil && o.superseded() == nil {
		err = o.found(ctx, err)
	}
	history, stopped := o.mended(ctx)
	if stopped != nil {
		return nil, stopped
	}
	if good := helm.Good(history); good != nil {
		o.runs(good)
	}
	if err != nil {
		return history, err
	}
	return history, o.end(ctx, done)
}

// runs notes which revision of the release runs.
func (o *operation) runs(revision *releasev1.Release) {
	o.state.CurrentVersion, o.state.ReleaseRevision = revision.Chart.Metadata.Version, revision.Version
}

// restore puts the last good revision back after an upgrade that has failed. The error stays that of the upgrade.
func (o *operation) restore(ctx context.Context, history []*releasev1.Release, reason *fault) error {
	good := helm.Good(history)
	if o.object.Spec.KeepFailedUpgrade || good == nil || len(history) == 0 || good == history[len(history)-1] {
		return reason
	}
	o.state.Operation.Kind, o.state.ErrorInfo = kindRollback, reason.known
	if err := o.note(ctx, kindRollback); err != nil {
		return err
	}
	err := o.helm(ctx, func(release *helm.Release) error {
		return release.Rollback(good.Version, helm.Thorough, o.timeout(), o.rollbackMark())
	})
	history, stopped := o.mended(ctx)
	if stopped != nil {
		return stopped
	}
	if now := helm.Good(history); now != nil {
		o.runs(now)
	}
	if err != nil {
		return reason.amend(fmt.Sprintf("; putting revision %d back has failed as well: %s", good.Version, o.found(ctx, err).known.Message))
	}
	left := cause.PutBack(*reason.known)
	return (&fault{known: &left, reason: reason.reason}).amend(fmt.Sprintf("; version %s runs again", good.Chart.Metadata.Version))
}

// mended returns the release's history after making sure that nothing in it looks as if it were still being worked on. It tries
// until that is so: whoever comes later could not tell our pending revision from somebody else's.
func (o *operation) mended(ctx context.Context) (history []*releasev1.Release, err error) {
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 10 * time.Second}
	for {
		if history, err = o.mend(ctx); err == nil {
			return history, nil
		}
		if pace.Wait(ctx, backoff.Next(), nil) != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (o *operation) mend(ctx context.Context) (history []*releasev1.Release, err error) {
	err = o.record(ctx, func(release *helm.Release) error {
		if history, err = release.History(); err != nil || len(history) == 0 {
			return err
		}
		if last := history[len(history)-1]; last.Info.Status.IsPending() && o.ours(last) {
			if err := release.Fail(last, "given up by "+manager); err != nil {
				return err
			}
		}
		return release.Supersede(history)
	})
	return history, err
}

// recordFor bounds work on the record alone.
const recordFor = time.Minute

// record opens the release for work on its record.
func (o *operation) record(ctx context.Context, do func(*helm.Release) error) error {
	ctx, cancel := context.WithTimeout(ctx, recordFor)
	defer cancel()
	release, err := o.cluster.Open(ctx, ctx, o.object.Spec.ReleaseNamespace, o.object.Spec.ReleaseName, helm.NoProgress)
	if err != nil {
		return err
	}
	return do(release)
}
