package agent

import (
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig/maker"
	"github.com/fairlead/fairlead/agent/fluxconfig/observer"
	"github.com/fairlead/fairlead/agent/fluxlogs"
)

// kubeletIdentityKey says, in the environment, that registries of Azure are read as the nodes' identity.
const kubeletIdentityKey = "FLUX_USE_KUBELET_IDENTITY"

func (p *process) fluxController() runner {
	const name = fairlead.FluxConfigController
	return &maker.Controller{
		Kube: p.kube, Namespace: p.config.Namespace, NodeIdentity: p.config.Getenv(kubeletIdentityKey) == "true",
		Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name),
	}
}

func (p *process) fluxAgent() runner {
	const name = fairlead.FluxConfigAgent
	return &observer.Agent{
		Kube: p.kube, Namespace: p.config.Namespace, Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name),
	}
}

func (p *process) fluxLogs() runner {
	const name = fairlead.FluxLogsAgent
	return &fluxlogs.Agent{
		Kube: p.kube, Logs: p.kube, Hub: p.hub, Holder: p.holder, Namespace: p.config.Namespace, Log: p.logOf(name), Ready: p.state.Reporter(name),
	}
}
