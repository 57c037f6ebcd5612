package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/fairlead/fairlead"
)

// helmTimeout bounds what Helm waits for by itself: hooks, and objects that are being deleted.
const helmTimeout = 5 * time.Minute

// helm works on the agents' release in one cluster.
type helm struct{ config *action.Configuration }

func (k *Cluster) helm() (*helm, error) {
	// Helm would take the name of the running binary, and a renamed one would be refused its own fields.
	kube.ManagedFieldsManager = "helm"
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := config.Init(k.getter, fairlead.ReleaseNamespace, "secret"); err != nil {
		return nil, fmt.Errorf("prepare Helm: %w", err)
	}
	return &helm{config}, nil
}

// current returns the newest revision of the agents' release, nil when there is none.
func (h *helm) current() (*releasev1.Release, error) {
	last, err := h.config.Releases.Last(fairlead.ReleaseName)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil //nolint:nilnil // no release is a state, not a failure
	}
	if err != nil {
		return nil, fmt.Errorf("read the agents' release: %w", err)
	}
	release, ok := last.(*releasev1.Release)
	if !ok {
		return nil, fmt.Errorf("read the agents' release: it is a %T", last)
	}
	return release, nil
}

// apply installs the release, or upgrades it keeping the values that it has where values says nothing. It
// does not wait for the agents: that is the business of steps that can say what holds them up. Whoever owned
// a field of our objects before (an older Helm, kubectl, az) has to give it up.
func (h *helm) apply(ctx context.Context, chart *chartv2.Chart, values map[string]any) error {
	last, err := h.settle()
	if err != nil {
		return err
	}
	// Helm would go on by itself in the background, while whoever was interrupted takes back what it does. There is
	// nothing in it to wait for long.
	ctx = context.WithoutCancel(ctx)
	if last == nil {
		return h.install(ctx, chart, values)
	}
	upgrade := action.NewUpgrade(h.config)
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.Timeout = fairlead.ReleaseNamespace, kube.HookOnlyStrategy, helmTimeout
	upgrade.ResetThenReuseValues, upgrade.ForceConflicts, upgrade.MaxHistory = true, true, 10
	if _, err := upgrade.RunWithContext(ctx, fairlead.ReleaseName, chart, values); err != nil {
		return fmt.Errorf("upgrade the release: %w", err)
	}
	return nil
}

// settle returns the release that an upgrade can start from, nil when there is none. One whose Helm was killed in the
// middle counts as failed: its objects may well run. One that was half removed is removed.
func (h *helm) settle() (*releasev1.Release, error) {
	last, err := h.current()
	if err != nil || last == nil {
		return nil, err
	}
	switch status := last.Info.Status; {
	case status == common.StatusDeployed, status == common.StatusSuperseded, status == common.StatusFailed:
		return last, nil
	case status.IsPending():
		last.Info.Status, last.Info.Description = common.StatusFailed, "interrupted"
		if err := h.config.Releases.Update(last); err != nil {
			return nil, fmt.Errorf("mend the interrupted release: %w", err)
		}
		return last, nil
	}
	return nil, h.uninstall(withoutHooks)
}

func (h *helm) install(ctx context.Context, chart *chartv2.Chart, values map[string]any) error {
	install := action.NewInstall(h.config)
	// Helm would also mark a namespace that is there already as one that it has made.
	install.ReleaseName, install.Namespace, install.CreateNamespace = fairlead.ReleaseName, fairlead.ReleaseNamespace, false
	install.WaitStrategy, install.Timeout = kube.HookOnlyStrategy, helmTimeout
	if _, err := install.RunWithContext(ctx, chart, values); err != nil {
		return fmt.Errorf("install the release: %w", err)
	}
	return nil
}

// upgradeOrReturn upgrades and waits for the agents; when they do not come up the release goes back to what it was.
func (h *helm) upgradeOrReturn(ctx context.Context, chart *chartv2.Chart, timeout time.Duration) error {
	upgrade := action.NewUpgrade(h.config)
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.Timeout = fairlead.ReleaseNamespace, kube.StatusWatcherStrategy, timeout
	upgrade.RollbackOnFailure, upgrade.ResetThenReuseValues, upgrade.ForceConflicts, upgrade.MaxHistory = true, true, true, 10
	if _, err := upgrade.RunWithContext(ctx, fairlead.ReleaseName, chart, nil); err != nil {
		return fmt.Errorf("upgrade the release: %w", err)
	}
	return nil
}

// rollback gives the release chart and values of an earlier revision.
func (h *helm) rollback(revision int) error {
	rollback := action.NewRollback(h.config)
	rollback.Version, rollback.WaitStrategy, rollback.Timeout = revision, kube.HookOnlyStrategy, helmTimeout
	rollback.ForceConflicts, rollback.MaxHistory = true, 10
	if err := rollback.Run(fairlead.ReleaseName); err != nil {
		return fmt.Errorf("put the release back to revision %d: %w", revision, err)
	}
	return nil
}

type hooks int

const (
	withHooks hooks = iota
	withoutHooks
)

// uninstall removes the release, if there is one.
func (h *helm) uninstall(mode hooks) error {
	uninstall := action.NewUninstall(h.config)
	uninstall.DisableHooks, uninstall.IgnoreNotFound = mode == withoutHooks, true
	uninstall.WaitStrategy, uninstall.Timeout = kube.HookOnlyStrategy, helmTimeout
	if _, err := uninstall.Run(fairlead.ReleaseName); err != nil {
		return fmt.Errorf("remove the release: %w", err)
	}
	return nil
}
