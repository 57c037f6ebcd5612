package agent

import (
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension"
	"github.com/fairlead/fairlead/agent/extension/charts"
	"github.com/fairlead/fairlead/agent/extensionevents"
	"github.com/fairlead/fairlead/agent/kube"
)

// chartCacheKey is where extension-manager keeps charts, in the environment. The chart gives it a folder of bounded size.
const chartCacheKey = "EXTENSION_CHART_CACHE"

func (p *process) extensionManager() (*extension.Manager, error) {
	const name = fairlead.ExtensionManager
	api, err := kube.Config(p.config.Kubeconfig)
	if err != nil {
		return nil, err
	}
	self, err := extension.ProcessName()
	if err != nil {
		return nil, err
	}
	return &extension.Manager{
		Kube: p.kube, API: api, Namespace: p.config.Namespace, Process: self,
		Charts: &charts.Fetcher{Folder: p.config.Getenv(chartCacheKey), Outward: p.hub.Outward, Log: p.logOf(name)},
		Now:    time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name),
	}, nil
}

func (p *process) extensionEvents() runner {
	const name = fairlead.ExtensionEvents
	return &extensionevents.Collector{
		Kube: p.kube, Hub: p.hub, Holder: p.holder, Namespace: p.config.Namespace,
		Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name),
	}
}
