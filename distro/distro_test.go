package distro_test

import (
	"slices"
	"testing"

	"github.com/fairlead/fairlead/distro"
)

type texts = map[string]string

func TestDistribution(t *testing.T) {
	plain := distro.Node{Version: "v1.34.1"}
	cases := map[string]struct {
		reason string
		nodes  []distro.Node
		want   string
	}{
		"NoNodes":        {"a control plane alone says nothing", nil, "generic"},
		"Kubeadm":        {"no sign", []distro.Node{plain}, "generic"},
		"OpenShift":      {"label", []distro.Node{{Labels: texts{"node.openshift.io/os_id": "rhcos"}}}, "openshift"},
		"AKS":            {"label", []distro.Node{{Labels: texts{"kubernetes.azure.com/node-image-version": "x"}, ProviderID: "azure:///x"}}, "aks"},
		"GKE":            {"label", []distro.Node{{Labels: texts{"cloud.google.com/gke-nodepool": "p"}}}, "gke"},
		"GKEBySystem":    {"label", []distro.Node{{Labels: texts{"cloud.google.com/gke-os-distribution": "cos"}}}, "gke"},
		"EKS":            {"label", []distro.Node{{Labels: texts{"eks.amazonaws.com/nodegroup": "g"}}}, "eks"},
		"EKSSelfManaged": {"nodes of one's own have no such label, but the version", []distro.Node{{Version: "v1.33.1-eks-113cf36"}}, "eks"},
		"Minikube":       {"label", []distro.Node{{Labels: texts{"minikube.k8s.io/version": "v1"}}}, "minikube"},
		"EdgeK3s":        {"annotation, before the provider", []distro.Node{{Annotations: texts{"node.aksedge.io/distro": "aks_edge_k3s"}, ProviderID: "k3s://n"}}, "aks_edge_k3s"},
		"EdgeUnknown":    {"a word of somebody else's is not passed on", []distro.Node{{Annotations: texts{"node.aksedge.io/distro": "x"}}}, "generic"},
		"Kind":           {"provider", []distro.Node{{ProviderID: "kind://docker/kind/kind-control-plane"}}, "kind"},
		"K3s":            {"provider", []distro.Node{{ProviderID: "k3s://n"}}, "k3s"},
		"K3sInACloud":    {"an external cloud provider hides k3s://", []distro.Node{{ProviderID: "aws:///z/i", Version: "v1.33.1+k3s1"}}, "k3s"},
		"RKE":            {"annotation", []distro.Node{{Annotations: texts{"rke.cattle.io/internal-ip": "10.0.0.1"}}}, "rancher_rke"},
		"RKE2":           {"version", []distro.Node{{ProviderID: "rke2://n", Version: "v1.33.1+rke2r1"}}, "rancher_rke"},
		"Tanzu":          {"version", []distro.Node{{Version: "v1.28.4+vmware.1"}}, "tkg"},
		"MicroK8s":       {"label", []distro.Node{{Labels: texts{"microk8s.io/cluster": "true"}}}, "canonical"},
		"SecondNode":     {"one node that shows it is enough", []distro.Node{plain, {ProviderID: "k3s://n"}}, "k3s"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := distro.Distribution(c.nodes)
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.reason, got, c.want)
			}
			if !slices.Contains(distro.Distributions(), got) {
				t.Errorf("%q is not among the names that clients accept", got)
			}
		})
	}
}

func TestInfrastructure(t *testing.T) {
	cases := map[string]struct {
		reason, provider, want string
	}{
		"None":      {"bare metal has no provider", "", "generic"},
		"Azure":     {"", "azure:///subscriptions/x", "azure"},
		"Google":    {"the provider is called by its old name", "gce://p/z/i", "gcp"},
		"Amazon":    {"", "aws:///eu-west-1a/i-0", "aws"},
		"VSphere":   {"", "vsphere://4203", "vsphere"},
		"Kind":      {"a container is nowhere in particular", "kind://docker/k/n", "generic"},
		"K3s":       {"as above", "k3s://n", "generic"},
		"HCI":       {"Azure Stack HCI's own provider", "moc://node", "azure_stack_hci"},
		"Spelling":  {"Azure's spelling is used", "Azure_Stack_Edge://n", "azure_stack_edge"},
		"Unknown":   {"others are generic to Azure's clients", "hcloud://1", "generic"},
		"NoScheme":  {"not an id", "aws", "generic"},
		"OnlyColon": {"not an id either", ":", "generic"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := distro.Infrastructure([]distro.Node{{ProviderID: c.provider}}); got != c.want {
				t.Errorf("%s: %q, want %q", c.reason, got, c.want)
			}
		})
	}
	if got := distro.Infrastructure([]distro.Node{{ProviderID: "hcloud://1"}, {ProviderID: "aws:///z/i"}}); got != "aws" {
		t.Errorf("a node that tells nothing hid the next: %q", got)
	}
}
