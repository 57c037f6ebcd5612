package metadata

import (
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/distro"
)

// node is what is read of a Node; the rest, mostly lists of images, is skipped while it is decoded.
type node struct {
	kube.Object
	Spec struct {
		ProviderID string `json:"providerID"`
	} `json:"spec"`
	Status struct {
		Capacity struct {
			CPU string `json:"cpu"`
		} `json:"capacity"`
		NodeInfo struct {
			KubeletVersion string `json:"kubeletVersion"`
		} `json:"nodeInfo"`
	} `json:"status"`
}

// facts are what the nodes tell together.
type facts struct {
	nodes, cores                 int
	distribution, infrastructure string
}

func factsOf(all map[string]node) facts {
	found := facts{nodes: len(all)}
	nodes := make([]distro.Node, 0, len(all))
	for _, n := range all {
		found.cores += cores(n.Status.Capacity.CPU)
		nodes = append(nodes, distro.Node{
			Labels: n.Metadata.Labels, Annotations: n.Metadata.Annotations,
			ProviderID: n.Spec.ProviderID, Version: n.Status.NodeInfo.KubeletVersion,
		})
	}
	found.distribution, found.infrastructure = distro.Distribution(nodes), distro.Infrastructure(nodes)
	return found
}

// cores reads a quantity of CPUs: "4", or "3920m", of which the hub counts whole ones.
func cores(quantity string) int {
	if milli, ok := strings.CutSuffix(quantity, "m"); ok {
		n, err := strconv.Atoi(milli)
		if err != nil {
			return 0
		}
		return n / 1000
	}
	n, err := strconv.Atoi(quantity)
	if err != nil {
		return 0
	}
	return n
}

// metadata joins what was found with what the user said at connect, which wins.
func (o *Operator) metadata(found facts, version string) fairlead.ClusterMetadata {
	return fairlead.ClusterMetadata{
		KubernetesVersion: strings.TrimPrefix(version, "v"), DistributionVersion: distributionVersion(version),
		Distribution:   or(o.Settings.Distribution, found.distribution),
		Infrastructure: or(o.Settings.Infrastructure, found.infrastructure),
		TotalNodeCount: found.nodes, TotalCoreCount: found.cores, AgentVersion: o.Settings.AgentVersion,
	}
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
