// Package helm installs charts as somebody with Helm would: it is Helm's own library.
package helm

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
)

// Release is one release of one cluster. Each action waits for what it has changed, for a minute when Patience does not say how long.
type Release struct {
	Kubeconfig, Namespace, Name string
	Patience                    time.Duration
}

func (r Release) patience() time.Duration { return cmp.Or(r.Patience, time.Minute) }

// Install is helm install --wait.
func (r Release) Install(ctx context.Context, archive string, values map[string]any) error {
	loaded, err := loader.Load(archive)
	if err != nil {
		return fmt.Errorf("load chart %s: %w", archive, err)
	}
	config, err := r.config()
	if err != nil {
		return err
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace = r.Name, r.Namespace
	install.WaitStrategy, install.Timeout = kube.StatusWatcherStrategy, r.patience()
	_, err = install.RunWithContext(ctx, loaded, values)
	return err
}

// Upgrade is helm upgrade --wait.
func (r Release) Upgrade(ctx context.Context, archive string, values map[string]any) error {
	loaded, err := loader.Load(archive)
	if err != nil {
		return fmt.Errorf("load chart %s: %w", archive, err)
	}
	config, err := r.config()
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(config)
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.Timeout = r.Namespace, kube.StatusWatcherStrategy, r.patience()
	_, err = upgrade.RunWithContext(ctx, r.Name, loaded, values)
	return err
}

// Uninstall is helm uninstall --wait.
func (r Release) Uninstall() error {
	config, err := r.config()
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(config)
	uninstall.WaitStrategy, uninstall.Timeout = kube.StatusWatcherStrategy, r.patience()
	_, err = uninstall.Run(r.Name)
	return err
}

func (r Release) config() (*action.Configuration, error) {
	settings := cli.New()
	settings.KubeConfig = r.Kubeconfig
	settings.SetNamespace(r.Namespace)
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := config.Init(settings.RESTClientGetter(), r.Namespace, "secret"); err != nil {
		return nil, fmt.Errorf("prepare Helm: %w", err)
	}
	return config, nil
}
