package endpoint

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Cluster is what decides about the endpoints of one cluster.
type Cluster struct {
	Cloud  Cloud
	Region string // "" when unknown
	// Connected says that agents of Arc or of Fairlead are there, AKS that the agents of extensions of AKS are.
	Connected, AKS bool
	// HubURL and Registry are those of a hub of Fairlead, TunnelURL is where clusterconnect-agent opens its WebSocket at it; empty
	// with Azure.
	HubURL, Registry, TunnelURL string
	// ClusterConnect and RBAC are features that are on.
	ClusterConnect, RBAC bool
	// Relays are hosts of Service Bus that the agents name in their logs.
	Relays []string
	// Proxy is what the agents have, OwnProxy what the machine that asks has. In a snapshot their passwords are replaced: who
	// knows the real ones puts them in.
	Proxy, OwnProxy Proxy
	// DNS is the address of the cluster's DNS service, Domain its zone.
	DNS, Domain string
}

// KeyClusterConnect is where our own chart says in azure-clusterconfig whether cluster connect is on: true or false.
const KeyClusterConnect = "AZURE_ARC_CLUSTER_CONNECT"

// Of reads a cluster off its snapshot.
func Of(s *snapshot.Snapshot) Cluster {
	config := configOf(s)
	c := Cluster{Region: strings.ToLower(config[fairlead.KeyRegion]), Proxy: ProxyOf(s), OwnProxy: proxyFrom(s.Client.Proxies), Domain: "cluster.local"}
	release, installed := s.Release("", fairlead.ReleaseName)
	c.Connected = installed || config != nil || slices.ContainsFunc(s.Pods, agentPod)
	c.nodes(s)
	c.Cloud = CloudOf(config[fairlead.KeyEnvironment], c.Region)
	if hub := config[fairlead.KeyDataPlane]; OwnHub(hub) {
		c.HubURL = strings.TrimRight(hub, "/") + "/"
		c.Registry, _ = text(release, "systemDefaultValues", "image", "repository")
		id := fairlead.ConnectedClusterID(config[fairlead.KeySubscription], config[fairlead.KeyResourceGroup], config[fairlead.KeyResourceName])
		c.TunnelURL = strings.TrimRight(hub, "/") + fairlead.DataPlanePath(id, fairlead.OpRelay)
		c.ClusterConnect = config[KeyClusterConnect] == "true" // in profile edge it has no Deployment of its own
	}
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.Namespace == fairlead.AgentNamespace && d.Name == "clusterconnect-agent" {
			c.ClusterConnect = d.Spec.Replicas == nil || *d.Spec.Replicas > 0
		}
	}
	rbac, _ := text(release, "systemDefaultValues", "guard", "enabled")
	c.RBAC = strings.EqualFold(rbac, "true")
	c.Relays = relays(s)
	for i := range s.Services {
		if service := &s.Services[i]; service.Namespace == "kube-system" && service.Name == "kube-dns" && service.Spec.ClusterIP != corev1.ClusterIPNone {
			c.DNS = service.Spec.ClusterIP
		}
	}
	return c
}

// nodes tells AKS by what only it has, and its region.
func (c *Cluster) nodes(s *snapshot.Snapshot) {
	for i := range s.Nodes {
		labels := s.Nodes[i].Labels
		if labels["kubernetes.azure.com/cluster"] == "" {
			continue
		}
		c.AKS = true
		if c.Region == "" {
			c.Region = strings.ToLower(labels[corev1.LabelTopologyRegion])
		}
	}
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.Namespace == "kube-system" && (d.Name == "extension-agent" || d.Name == "extension-operator") {
			c.AKS = true
		}
	}
}

func agentPod(pod corev1.Pod) bool {
	return pod.Namespace == fairlead.AgentNamespace && len(pod.OwnerReferences) > 0
}

func configOf(s *snapshot.Snapshot) map[string]string {
	for i := range s.ConfigMaps {
		if s.ConfigMaps[i].Namespace == fairlead.AgentNamespace && s.ConfigMaps[i].Name == fairlead.ClusterConfigMap {
			return s.ConfigMaps[i].Data
		}
	}
	return nil
}

// OwnHub reports whether a data plane is a hub of Fairlead and not Azure's.
func OwnHub(dataPlane string) bool {
	at, err := url.Parse(dataPlane)
	return err == nil && at.Hostname() != "" && !regexp.MustCompile(`(?i)\.(azure|microsoft|windows)\.[a-z.]+$`).MatchString(at.Hostname())
}

// relays finds the hosts of Service Bus that the agent of cluster connect speaks of.
func relays(s *snapshot.Snapshot) []string {
	host := regexp.MustCompile(`[a-z0-9-]+\.servicebus\.(?:windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)`)
	var found []string
	for _, log := range s.LogsOf(fairlead.AgentNamespace, "clusterconnect-agent-", "") {
		for _, name := range host.FindAllString(log.Text, -1) {
			if !slices.Contains(found, name) && len(found) < 3 {
				found = append(found, name)
			}
		}
	}
	slices.Sort(found)
	return found
}
