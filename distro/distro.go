// Package distro tells which Kubernetes distribution and infrastructure a cluster is, in the words
// of Azure Arc's clients. It is pure: callers bring what they know of the nodes.
package distro

import "strings"

// Generic is both names' value when nothing tells more.
const Generic = "generic"

// Node is what the detection looks at. Version is the kubelet's.
type Node struct {
	Labels, Annotations map[string]string
	ProviderID          string
	Version             string
}

// Distributions returns the names that Azure Arc's clients accept.
func Distributions() []string {
	return []string{
		Generic, "openshift", "rancher_rke", "kind", "k3s", "minikube", "gke", "eks", "aks", "aks_management", "aks_workload",
		"capz", "aks_engine", "tkg", "canonical", "karbon", "aks_edge_k3s", "aks_edge_k8s",
	}
}

// Infrastructures returns the names that Azure Arc's clients accept.
func Infrastructures() []string {
	return []string{
		Generic, "azure", "aws", "gcp", "azure_stack_hci", "azure_stack_hub", "azure_stack_edge", "vsphere", "windows_server",
		"Windows 11 Enterprise", "Windows 11 Enterprise N", "Windows 11 IoT Enterprise", "Windows 11 Pro",
		"Windows 10 Enterprise", "Windows 10 Enterprise N", "Windows 10 Enterprise LTSC 2021", "Windows 10 Enterprise N LTSC 2021",
		"Windows 10 IoT Enterprise", "Windows 10 IoT Enterprise LTSC 2021", "Windows 10 Pro",
		"Windows 10 IoT Enterprise LTSC 2019", "Windows Server 2022", "Windows Server 2022 Datacenter", "Windows Server 2022 Standard",
		"Windows Server 2019", "Windows Server 2019 Datacenter", "Windows Server 2019 Standard",
	}
}

// Distribution returns the distribution of the first node that shows one. The signs that Azure's
// client knows come first, in its order; what it calls generic is then told by the kubelet's version.
func Distribution(nodes []Node) string {
	for _, signs := range []func(Node) string{byMarks, byVersion} {
		for _, node := range nodes {
			if name := signs(node); name != "" {
				return name
			}
		}
	}
	return Generic
}

// mark is a label that names a distribution by being there.
type mark struct{ label, distribution string }

func marks() []mark {
	return []mark{
		{"node.openshift.io/os_id", "openshift"},
		{"kubernetes.azure.com/node-image-version", "aks"},
		{"cloud.google.com/gke-nodepool", "gke"},
		{"cloud.google.com/gke-os-distribution", "gke"},
		{"eks.amazonaws.com/nodegroup", "eks"},
		{"minikube.k8s.io/version", "minikube"},
	}
}

func byMarks(node Node) string {
	for _, m := range marks() {
		if node.Labels[m.label] != "" {
			return m.distribution
		}
	}
	switch edge := node.Annotations["node.aksedge.io/distro"]; {
	case edge == "aks_edge_k3s" || edge == "aks_edge_k8s":
		return edge
	case strings.HasPrefix(node.ProviderID, "kind://"):
		return "kind"
	case strings.HasPrefix(node.ProviderID, "k3s://"):
		return "k3s"
	case node.Annotations["rke.cattle.io/external-ip"] != "" || node.Annotations["rke.cattle.io/internal-ip"] != "":
		return "rancher_rke"
	default:
		return ""
	}
}

func byVersion(node Node) string {
	suffixes := []mark{
		{"+k3s", "k3s"}, {"+rke2", "rancher_rke"}, {"-rancher", "rancher_rke"}, {"-eks-", "eks"}, {"-gke.", "gke"}, {"+vmware", "tkg"},
	}
	for _, s := range suffixes {
		if strings.Contains(node.Version, s.label) {
			return s.distribution
		}
	}
	if node.Labels["microk8s.io/cluster"] != "" {
		return "canonical"
	}
	return ""
}

// Infrastructure returns where the first node whose provider is known runs.
func Infrastructure(nodes []Node) string {
	for _, node := range nodes {
		provider, _, found := strings.Cut(node.ProviderID, ":")
		if !found {
			continue
		}
		if name := infrastructureOf(provider); name != "" {
			return name
		}
	}
	return Generic
}

func infrastructureOf(provider string) string {
	switch provider {
	case "k3s", "kind":
		return Generic
	case "gce":
		return "gcp"
	case "moc":
		return "azure_stack_hci"
	}
	for _, known := range Infrastructures() {
		if strings.EqualFold(provider, known) {
			return known
		}
	}
	return ""
}
