// Package distro names a cluster's distribution and the infrastructure beneath it, from what its nodes say, in the words of
// Azure Arc. It is pure: the caller reads the nodes.
package distro

import "strings"

// Generic is the distribution, or infrastructure, of which nothing special is known.
const Generic = "generic"

// Node is what detection looks at in a node.
type Node struct {
	Labels, Annotations map[string]string
	ProviderID          string
	KubeletVersion      string
}

// Detect returns the distribution, from the first node that gives one away, and the infrastructure, from
// the first node with a provider id.
func Detect(nodes []Node) (distribution, infrastructure string) {
	distribution, infrastructure = Generic, Generic
	for _, node := range nodes {
		if found := node.distribution(); found != "" && distribution == Generic {
			distribution = found
		}
		if found := node.infrastructure(); found != "" && infrastructure == Generic {
			infrastructure = found
		}
	}
	return distribution, infrastructure
}

func (n Node) distribution() string {
	switch {
	case n.has("node.openshift.io/os_id"):
		return "openshift"
	case n.has("kubernetes.azure.com/node-image-version"):
		return "aks"
	case n.has("cloud.google.com/gke-nodepool"), n.has("cloud.google.com/gke-os-distribution"):
		return "gke"
	case n.has("eks.amazonaws.com/nodegroup"), strings.Contains(n.KubeletVersion, "-eks-"):
		return "eks"
	case n.has("minikube.k8s.io/version"):
		return "minikube"
	case n.has("microk8s.io/cluster"):
		return "canonical"
	case n.scheme() == "kind":
		return "kind"
	case n.scheme() == "k3s", strings.Contains(n.KubeletVersion, "+k3s"):
		return "k3s"
	case n.rancher():
		return "rancher_rke"
	}
	return ""
}

func (n Node) has(label string) bool { return n.Labels[label] != "" }

func (n Node) rancher() bool {
	return n.Annotations["rke.cattle.io/external-ip"] != "" || n.Annotations["rke.cattle.io/internal-ip"] != "" ||
		n.scheme() == "rke2" || strings.Contains(n.KubeletVersion, "+rke2")
}

func (n Node) scheme() string {
	scheme, _, found := strings.Cut(n.ProviderID, "://")
	if !found {
		return ""
	}
	return strings.ToLower(scheme)
}

// infrastructure maps the scheme of provider ids; those of kind and k3s name a distribution, not
// what it runs on.
func (n Node) infrastructure() string {
	return map[string]string{
		"azure": "azure", "gce": "gcp", "aws": "aws", "moc": "azure_stack_hci", "vsphere": "vsphere",
		"openstack": "openstack",
	}[n.scheme()]
}
