package agent

import (
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/clusteridentity"
	"github.com/fairlead/fairlead/agent/config"
	"github.com/fairlead/fairlead/agent/controller"
	"github.com/fairlead/fairlead/agent/metadata"
	"github.com/fairlead/fairlead/agent/metrics"
	"github.com/fairlead/fairlead/agent/probe"
)

// parts returns everything that runs in this process.
func (p *process) parts() []runner {
	running := []runner{
		&probe.Server{Address: p.config.MetricsAddress, State: p.state, Registry: p.registry, Log: p.log},
	}
	agents := map[string]func() runner{
		fairlead.ClusterIdentityOperator: p.clusterIdentity, fairlead.ClusterMetadataOperator: p.clusterMetadata,
		fairlead.ConfigAgent: p.configuration, fairlead.ControllerManager: p.controllerManager, fairlead.MetricsAgent: p.metricsAgent,
		fairlead.ClusterConnectAgent: p.clusterConnect, fairlead.KubeAADProxy: func() runner { return p.proxy },
		fairlead.ExtensionManager: func() runner { return p.installs }, fairlead.ExtensionEvents: p.extensionEvents,
		fairlead.FluxConfigAgent: p.fluxAgent, fairlead.FluxConfigController: p.fluxController, fairlead.FluxLogsAgent: p.fluxLogs,
	}
	alone := []string{fairlead.ControllerManager, fairlead.KubeAADProxy, fairlead.FluxConfigAgent, fairlead.FluxConfigController}
	needsIdentity := false
	for _, name := range p.config.Agents {
		running = append(running, agents[name]())
		needsIdentity = needsIdentity || !slices.Contains(alone, name)
	}
	if needsIdentity {
		running = append(running, p.identityFollower())
	}
	return running
}

func (p *process) logOf(agent string) *slog.Logger { return slog.New(p.lines.As(agent)) }

func (p *process) clusterIdentity() runner {
	const name = fairlead.ClusterIdentityOperator
	return &clusteridentity.Operator{
		Kube: p.kube, Hub: p.hub, Holder: p.holder, Cluster: p.settings.Cluster, Namespace: p.config.Namespace,
		HubCA: p.settings.HubCA, Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name),
		Proxy: &clusteridentity.ProxyKeeper{
			Connect: p.connect(), Kube: p.kube, Holder: p.holder, HubCA: p.settings.HubCA, Namespace: p.config.Namespace,
			ReleaseName: p.settings.ReleaseName, ReleaseNamespace: p.settings.ReleaseNamespace, Now: time.Now, Log: p.logOf(name),
		},
	}
}

func (p *process) clusterMetadata() runner {
	const name = fairlead.ClusterMetadataOperator
	return &metadata.Operator{
		Kube: p.kube, Hub: p.hub, Holder: p.holder, Settings: p.settings, Namespace: p.config.Namespace,
		Log: p.logOf(name), Ready: p.state.Reporter(name),
	}
}

func (p *process) configuration() runner {
	const name = fairlead.ConfigAgent
	return &config.Agent{
		Kube: p.kube, Hub: p.hub, Holder: p.holder, Namespace: p.config.Namespace,
		Log: p.logOf(name), Ready: p.state.Reporter(name), Extensions: p.settings.Extensions,
	}
}

func (p *process) controllerManager() runner {
	const name = fairlead.ControllerManager
	repaired := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fairlead_deployments_restored_total", Help: "Deployments of agents that were put back to their release.",
	}, []string{"deployment"})
	p.registry.MustRegister(repaired)
	return &controller.Controller{
		Kube: p.kube, Namespace: p.config.Namespace, ReleaseName: p.settings.ReleaseName, ReleaseNamespace: p.settings.ReleaseNamespace,
		Log: p.logOf(name), Ready: p.state.Reporter(name),
		Repaired: func(deployment string) { repaired.WithLabelValues(deployment).Inc() },
	}
}

func (p *process) metricsAgent() runner {
	const name = fairlead.MetricsAgent
	agent := &metrics.Agent{
		Kube: p.kube, Hub: p.hub, Scraper: metrics.NewScraper(), Namespace: p.config.Namespace, Workloads: p.settings.Workloads,
		Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name), Registry: p.registry,
	}
	if p.config.Kubeconfig != "" {
		agent.Processes = p.describe
	}
	return agent
}
