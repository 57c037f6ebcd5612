package stage

import (
	"context"
	"fmt"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
)

// InstallNew installs a chart under a name that is free, and waits for its pods until time is up. Its errors are Helm's own.
func (s *Stage) InstallNew(ctx context.Context, namespace, name, chart string, values map[string]any, within time.Duration) error {
	loaded, err := loader.Load(chart)
	if err != nil {
		return fmt.Errorf("load chart %s: %w", chart, err)
	}
	config, err := s.Helm(namespace)
	if err != nil {
		return err
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.CreateNamespace = name, namespace, true
	install.WaitStrategy, install.Timeout = kube.StatusWatcherStrategy, within
	_, err = install.RunWithContext(ctx, loaded, values)
	return err
}

// Upgrade upgrades a release without a wait. Its errors are Helm's own.
func (s *Stage) Upgrade(ctx context.Context, namespace, name, chart string) error {
	loaded, err := loader.Load(chart)
	if err != nil {
		return fmt.Errorf("load chart %s: %w", chart, err)
	}
	config, err := s.Helm(namespace)
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(config)
	upgrade.Namespace, upgrade.WaitStrategy = namespace, kube.HookOnlyStrategy
	_, err = upgrade.RunWithContext(ctx, name, loaded, nil)
	return err
}

// Download looks for a chart in a repository. Its errors are Helm's own.
func (s *Stage) Download(repository, chart string) error {
	config, err := s.Helm("default")
	if err != nil {
		return err
	}
	install := action.NewInstall(config)
	install.RepoURL = repository
	settings := cli.New()
	settings.RepositoryCache, settings.RepositoryConfig = s.Dir, s.Dir+"/repositories.yaml"
	_, err = install.LocateChart(chart, settings)
	return err
}

// Abandon leaves the newest revision of a release as a Helm does that was killed some time ago.
func (s *Stage) Abandon(namespace, name, status string, ago time.Duration) error {
	config, err := s.Helm(namespace)
	if err != nil {
		return err
	}
	last, err := config.Releases.Last(name)
	if err != nil {
		return fmt.Errorf("find release %s: %w", name, err)
	}
	release, ok := last.(*releasev1.Release)
	if !ok {
		return fmt.Errorf("release %s is a %T", name, last)
	}
	release.Info.Status, release.Info.LastDeployed = common.Status(status), time.Now().Add(-ago)
	return config.Releases.Update(release)
}
