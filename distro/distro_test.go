package distro_test

import (
	"testing"

	"github.com/fairlead/fairlead/distro"
)

func TestDetect(t *testing.T) {
	cases := map[string]struct {
		reason         string
		nodes          []distro.Node
		distribution   string
		infrastructure string
	}{
		"NoNodes":     {"a cluster without nodes is nothing special", nil, "generic", "generic"},
		"NoProvider":  {"kubeadm on bare metal sets no provider id", []distro.Node{{KubeletVersion: "v1.34.1"}}, "generic", "generic"},
		"Kind":        {"kind's provider id is no infrastructure", []distro.Node{{ProviderID: "kind://docker/kind/kind-control-plane"}}, "kind", "generic"},
		"K3s":         {"k3s names itself", []distro.Node{{ProviderID: "k3s://edge"}}, "k3s", "generic"},
		"K3sOnAWS":    {"with a cloud provider k3s shows in the kubelet's version only", []distro.Node{{ProviderID: "aws:///eu-1a/i-1", KubeletVersion: "v1.34.1+k3s1"}}, "k3s", "aws"},
		"RKE2":        {"rke2 is Rancher's", []distro.Node{{ProviderID: "rke2://edge"}}, "rancher_rke", "generic"},
		"AKS":         {"AKS labels its nodes", []distro.Node{{ProviderID: "azure:///x", Labels: map[string]string{"kubernetes.azure.com/node-image-version": "1"}}}, "aks", "azure"},
		"GKE":         {"either of Google's labels will do", []distro.Node{{ProviderID: "gce://p/z/n", Labels: map[string]string{"cloud.google.com/gke-nodepool": "a"}}}, "gke", "gcp"},
		"SecondNode":  {"one foreign node must not hide the others", []distro.Node{{}, {ProviderID: "aws:///z/i", Labels: map[string]string{"eks.amazonaws.com/nodegroup": "a"}}}, "eks", "aws"},
		"OldRancher":  {"RKE 1 annotates its nodes", []distro.Node{{Annotations: map[string]string{"rke.cattle.io/internal-ip": "10.0.0.1"}}}, "rancher_rke", "generic"},
		"UnknownText": {"a provider id without a scheme says nothing", []distro.Node{{ProviderID: "odd"}}, "generic", "generic"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			distribution, infrastructure := distro.Detect(c.nodes)
			if distribution != c.distribution || infrastructure != c.infrastructure {
				t.Errorf("%s: got %s on %s, want %s on %s", c.reason, distribution, infrastructure, c.distribution, c.infrastructure)
			}
		})
	}
}
