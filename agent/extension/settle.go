package extension

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/pace"
)

// Labels of a release's record: whose it is, which operation made it, and of which archive.
const (
	labelExtension = "clusterconfig.azure.com/extension"
	labelOperation = "clusterconfig.azure.com/operation"
	labelDigest    = "clusterconfig.azure.com/chart-digest"
	longestLabel   = 63
)

const (
	// How long a release that somebody else's Helm holds is waited for at most: not longer than for objects to become ready.
	foreignFor   = 10 * time.Minute
	foreignEvery = 2 * time.Second
)

// marks are the labels of what this operation makes.
func (o *operation) marks() map[string]string {
	marks := map[string]string{labelExtension: o.object.Name, labelOperation: o.state.Operation.ID}
	if digest := shortDigest(o.object.Spec.Chart.Digest); digest != "" {
		marks[labelDigest] = digest
	}
	return marks
}

// shortDigest is as much of a digest as a label can hold.
func shortDigest(digest string) string {
	_, hex, _ := strings.Cut(strings.ToLower(digest), ":")
	return hex[:min(len(hex), longestLabel)]
}

// rollbackMark goes into the description of a rollback: its labels are those of the revision that is put back.
func (o *operation) rollbackMark() string {
	return "put back by " + manager + ", operation " + o.state.Operation.ID
}

// mine reports whether a revision belongs to this extension.
func (o *operation) mine(revision *releasev1.Release) bool {
	return revision.Labels[labelExtension] == o.object.Name
}

// ours reports whether a revision was made by this operation, or by the one that the journal says was interrupted. As only one
// process works at a time, nobody works on it any more.
func (o *operation) ours(revision *releasev1.Release) bool {
	for _, one := range []*fairlead.ExtensionOperation{o.state.Operation, o.before} {
		if one == nil {
			continue
		}
		if revision.Info.Status == common.StatusPendingRollback && strings.Contains(revision.Info.Description, one.ID) {
			return true
		}
		if revision.Info.Status != common.StatusPendingRollback && revision.Labels[labelOperation] == one.ID {
			return true
		}
	}
	return false
}

func deployed(revision *releasev1.Release) bool { return revision.Info.Status == common.StatusDeployed }

// is reports whether a revision has this chart and these values.
func (g *goal) is(revision *releasev1.Release) bool {
	if revision.Chart.Metadata.Name != g.chart.Metadata.Name || revision.Chart.Metadata.Version != g.chart.Metadata.Version {
		return false
	}
	if revision.Labels[labelDigest] != g.labels[labelDigest] || revision.Labels[labelExtension] != g.labels[labelExtension] {
		return false
	}
	has, err := json.Marshal(revision.Config)
	wants, bad := json.Marshal(g.values)
	return err == nil && bad == nil && (string(has) == string(wants) || len(revision.Config) == 0 && len(g.values) == 0)
}

// settle brings a release that was left in the middle of something to a state from which the goal can be reached, and returns
// its history, which is empty when there is nothing to begin from.
func (o *operation) settle(ctx context.Context, wanted *goal) ([]*releasev1.Release, error) {
	if err := o.note(ctx, phaseSettle); err != nil {
		return nil, err
	}
	history, err := o.quiet(ctx)
	if err != nil || len(history) == 0 {
		return nil, err
	}
	last := history[len(history)-1]
	switch {
	case last.Info.Status == common.StatusUninstalled:
		return nil, o.record(ctx, (*helm.Release).Purge)
	case !o.mine(last) && !o.object.Spec.Adopt:
		return nil, o.nameInUse(last)
	case last.Info.Status == common.StatusUninstalling, helm.Good(history) == nil:
		return nil, o.clear(ctx)
	case deployed(last) || wanted.is(last):
		return history, nil
	}
	return o.back(ctx, history)
}

// back returns to the last good revision, quickly: what only the revision after it has would otherwise be forgotten.
func (o *operation) back(ctx context.Context, history []*releasev1.Release) ([]*releasev1.Release, error) {
	good := helm.Good(history)
	err := o.helm(ctx, func(release *helm.Release) error {
		return release.Rollback(good.Version, helm.Quick, o.timeout(), o.rollbackMark())
	})
	if err != nil {
		return nil, err
	}
	return o.mended(ctx)
}

// clear removes a release that never ran, or is half removed.
func (o *operation) clear(ctx context.Context) error {
	if err := o.helm(ctx, func(release *helm.Release) error { return release.Uninstall(helm.Quick, o.timeout()) }); err != nil {
		return err
	}
	return o.record(ctx, (*helm.Release).Purge)
}

func (o *operation) nameInUse(last *releasev1.Release) error {
	whose := "made by somebody else"
	if other := last.Labels[labelExtension]; other != "" {
		whose = "of extension " + other
	}
	spec := o.object.Spec
	return fmt.Errorf("cannot re-use a name that is still in use: release %s in namespace %s is %s (chart %s %s, since %s)",
		spec.ReleaseName, spec.ReleaseNamespace, whose, last.Chart.Metadata.Name, last.Chart.Metadata.Version, last.Info.FirstDeployed.UTC().Format(time.RFC3339))
}

// quiet returns the history once nobody works on the release any more: what we have left is put right at once, and others are
// waited for.
func (o *operation) quiet(ctx context.Context) ([]*releasev1.Release, error) {
	ctx, cancel := o.until(ctx, min(o.timeout(), foreignFor))
	defer cancel()
	var reason error
	for {
		history, err := o.mend(ctx)
		if err == nil && (len(history) == 0 || !o.busy(history[len(history)-1])) {
			return history, nil
		}
		if err == nil {
			err = o.inUse(ctx, history[len(history)-1])
		}
		reason = stillThat(ctx, reason, err)
		if pace.Wait(ctx, foreignEvery, nil) != nil {
			return nil, reason
		}
	}
}

// busy reports whether somebody else works on a revision.
func (o *operation) busy(last *releasev1.Release) bool {
	if last.Info.Status.IsPending() {
		return true // what was ours has been mended
	}
	return last.Info.Status == common.StatusUninstalling && (o.before == nil || o.before.Kind != kindUninstall) && o.state.Operation.Kind != kindUninstall
}

func (o *operation) inUse(ctx context.Context, last *releasev1.Release) error {
	who, when := "an unknown program", last.Info.LastDeployed
	_ = o.record(ctx, func(release *helm.Release) error { // the message is as good without it
		who, when = release.Writer(last)
		return nil
	})
	spec := o.object.Spec
	return fmt.Errorf("another operation (install/upgrade/rollback) is in progress: revision %d of release %s in namespace %s is %s, last written by %q at %s",
		last.Version, spec.ReleaseName, spec.ReleaseNamespace, last.Info.Status, who, when.UTC().Format(time.RFC3339))
}
