package helm

import (
	"fmt"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	helmkube "helm.sh/helm/v4/pkg/kube"
)

// Wanted is what a release is to be.
type Wanted struct {
	Chart  *chartv2.Chart
	Values map[string]any
	// Labels mark the release's record.
	Labels  map[string]string
	Timeout time.Duration // of the waiting for readiness
	// Adopt takes over objects that others have made.
	Adopt bool
}

// Install makes the release and waits until its objects are ready and its Jobs are done.
func (r *Release) Install(wanted Wanted) error {
	install := action.NewInstall(r.config)
	install.ReleaseName, install.Namespace, install.Labels = r.Name, r.Namespace, wanted.Labels
	install.WaitStrategy, install.WaitOptions, install.Timeout = helmkube.StatusWatcherStrategy, r.patience(), wanted.Timeout
	install.WaitForJobs, install.TakeOwnership, install.ForceConflicts = true, wanted.Adopt, wanted.Adopt
	if _, err := install.RunWithContext(r.ctx, wanted.Chart, wanted.Values); err != nil {
		return fmt.Errorf("install the release: %w", err)
	}
	return nil
}

// Upgrade makes the release what is wanted and waits until its objects are ready and its Jobs are done. Whoever has changed a field of them since has
// to give it up.
func (r *Release) Upgrade(wanted Wanted) error {
	upgrade := action.NewUpgrade(r.config)
	upgrade.Namespace, upgrade.Labels, upgrade.MaxHistory = r.Namespace, wanted.Labels, maxHistory
	upgrade.WaitStrategy, upgrade.WaitOptions, upgrade.Timeout = helmkube.StatusWatcherStrategy, r.patience(), wanted.Timeout
	upgrade.WaitForJobs = true
	// Helm would take the values of before for none.
	upgrade.ResetValues, upgrade.ServerSideApply, upgrade.ForceConflicts, upgrade.TakeOwnership = true, "true", true, wanted.Adopt
	if _, err := upgrade.RunWithContext(r.ctx, r.Name, wanted.Chart, wanted.Values); err != nil {
		return fmt.Errorf("upgrade the release: %w", err)
	}
	return nil
}

// Mode says how much of a rollback or an uninstallation is done.
type Mode int

// The modes: with hooks and waiting, as a person would do it; or without either, to put right what was interrupted.
const (
	Thorough Mode = iota
	Quick
)

// Rollback gives the release chart and values of an earlier revision. The mark goes into the record from the beginning.
func (r *Release) Rollback(revision int, mode Mode, timeout time.Duration, mark string) error {
	rollback := action.NewRollback(r.config)
	rollback.Version, rollback.Description, rollback.MaxHistory = revision, mark, maxHistory
	rollback.WaitStrategy, rollback.WaitOptions, rollback.Timeout = strategy(mode), r.patience(), timeout
	rollback.WaitForJobs, rollback.DisableHooks, rollback.ServerSideApply, rollback.ForceConflicts = true, mode == Quick, "true", true
	if err := rollback.Run(r.Name); err != nil {
		return fmt.Errorf("put the release back to revision %d: %w", revision, err)
	}
	return nil
}

// Uninstall removes the release's objects and waits until they are gone. The record stays until Purge, so that what could not be
// removed is still known.
func (r *Release) Uninstall(mode Mode, timeout time.Duration) error {
	uninstall := action.NewUninstall(r.config)
	uninstall.IgnoreNotFound, uninstall.KeepHistory, uninstall.DisableHooks = true, true, mode == Quick
	uninstall.WaitStrategy, uninstall.WaitOptions, uninstall.Timeout = helmkube.StatusWatcherStrategy, r.patience(), timeout
	if _, err := uninstall.Run(r.Name); err != nil {
		if refused := r.objects.refusals(); refused != nil {
			err = fmt.Errorf("%w: %w", err, refused)
		}
		return fmt.Errorf("uninstall the release: %w", err)
	}
	return nil
}

func strategy(mode Mode) helmkube.WaitStrategy {
	if mode == Quick {
		return helmkube.HookOnlyStrategy
	}
	return helmkube.StatusWatcherStrategy
}

// patience ends every wait with the operation, or when it is given up.
func (r *Release) patience() []helmkube.WaitOption {
	return []helmkube.WaitOption{helmkube.WithWaitContext(r.waiting)}
}
