package metadata

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/distro"
)

// reduce leaves of a Node what factsOf reads; most of the rest are lists of images.
func reduce(node *corev1.Node) {
	node.Spec = corev1.NodeSpec{ProviderID: node.Spec.ProviderID}
	node.Status = corev1.NodeStatus{
		Capacity: corev1.ResourceList{corev1.ResourceCPU: *node.Status.Capacity.Cpu()},
		NodeInfo: corev1.NodeSystemInfo{KubeletVersion: node.Status.NodeInfo.KubeletVersion},
	}
}

// facts are what the nodes tell together.
type facts struct {
	nodes, cores                 int
	distribution, infrastructure string
}

func factsOf(all map[string]*corev1.Node) facts {
	found := facts{nodes: len(all)}
	nodes := make([]distro.Node, 0, len(all))
	for _, n := range all {
		found.cores += int(n.Status.Capacity.Cpu().MilliValue() / 1000) // whole ones, of 3920m three
		nodes = append(nodes, distro.Node{
			Labels: n.Labels, Annotations: n.Annotations,
			ProviderID: n.Spec.ProviderID, Version: n.Status.NodeInfo.KubeletVersion,
		})
	}
	found.distribution, found.infrastructure = distro.Distribution(nodes), distro.Infrastructure(nodes)
	return found
}

// metadata joins what was found with what the user said at connect, which wins.
func (o *Operator) metadata(found facts, version string) fairlead.ClusterMetadata {
	return fairlead.ClusterMetadata{
		KubernetesVersion: strings.TrimPrefix(version, "v"), DistributionVersion: distributionVersion(version),
		Distribution:   or(o.Settings.Distribution, found.distribution),
		Infrastructure: or(o.Settings.Infrastructure, found.infrastructure),
		TotalNodeCount: found.nodes, TotalCoreCount: found.cores, AgentVersion: o.Settings.AgentVersion,
		ClusterConnect: switched(o.Settings.ClusterConnect), AzureRBAC: switched(o.Settings.AzureRBAC),
	}
}

func switched(on bool) string { //nolint:revive // flag-parameter: it is a value, said in the hub's words
	if on {
		return "Enabled"
	}
	return "Disabled"
}

// distributionVersion is what a distribution adds to the version of Kubernetes: k3s1 in v1.34.1+k3s1.
func distributionVersion(version string) string {
	_, added, _ := strings.Cut(version, "+")
	return added
}

func or(said, found string) string {
	if said != "" {
		return said
	}
	return found
}
