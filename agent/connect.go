package agent

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/agent/clusterconnect"
	"github.com/fairlead/fairlead/agent/clusteridentity"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
)

// Where the chart puts the certificates of agents that may not read Secrets, and where kube-aad-proxy is.
const (
	identityFolder = "/etc/azure-identity"
	proxyFolder    = "/etc/kube-aad-proxy"
	proxyName      = fairlead.KubeAADProxy + "." + fairlead.AgentNamespace + ".svc"
	proxyAddress   = ":8443"
	// In the environment, proxyAddressKey is another address of kube-aad-proxy.
	proxyAddressKey = "KUBE_AAD_PROXY_ADDRESS"
)

// connect says where the agents of cluster connect run: here, or as Deployments of their own.
func (p *process) connect() clusteridentity.Connect {
	switch {
	case !p.settings.ClusterConnect:
		return clusteridentity.NotConnected
	case slices.Contains(p.config.Agents, fairlead.KubeAADProxy), slices.Contains(p.settings.Workloads, fairlead.EdgeAgent):
		return clusteridentity.InOneProcess
	default:
		return clusteridentity.InTwoPods
	}
}

// clusterConnect returns the bridge. Its way to kube-aad-proxy is short when that runs here, too.
func (p *process) clusterConnect() runner {
	const name = fairlead.ClusterConnectAgent
	reach := (&clusterconnect.Bridge{
		Address: cmp.Or(p.config.Getenv(proxyAddressKey), proxyName+":443"), Name: proxyName, Folder: proxyFolder,
	}).Reach
	if p.proxy != nil {
		reach = clusterconnect.InProcess(p.proxy.Serve)
	}
	return &clusterconnect.Agent{
		Hub: p.hub, Holder: p.holder, Reach: reach,
		Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name), Registry: p.registry,
	}
}

// aadProxy returns kube-aad-proxy. Tunnels come to it from the bridge in the same process, if it runs here, or else over
// the network.
func (p *process) aadProxy() (*aadproxy.Proxy, error) {
	const name = fairlead.KubeAADProxy
	api, err := kube.Config(p.config.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config := aadproxy.Config{
		Cluster: p.settings.Cluster, TenantID: p.settings.TenantID, Hub: p.hub, API: api, Namespace: p.config.Namespace,
		AzureRBAC: p.settings.AzureRBAC, Now: time.Now, Log: p.logOf(name), Ready: p.state.Reporter(name),
	}
	if !slices.Contains(p.config.Agents, fairlead.ClusterConnectAgent) {
		config.Listener = aadproxy.Listener{Address: proxyAddress, Folder: proxyFolder}
		p.hub.TrustAs(func() []byte {
			told, _ := os.ReadFile(filepath.Join(proxyFolder, "hub-ca.crt")) // not there yet: then the settings hold
			return told
		})
	}
	return aadproxy.New(config)
}

// identityFollower follows the identity's Secret, or the files that the kubelet makes of it where there is no way to ask.
func (p *process) identityFollower() runner {
	if !p.config.withoutRights() {
		return p.holder
	}
	return &identity.Files{
		Folder: identityFolder, Authorities: filepath.Join(proxyFolder, "hub-ca.crt"), Settings: p.settings.HubCA,
		Holder: p.holder, Log: p.log,
	}
}
