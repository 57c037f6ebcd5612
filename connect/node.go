package connect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/distro"
)

// maxNodes is how many nodes are looked at: enough to find one that can run the agents.
const maxNodes = 1000

const (
	labelOS           = "kubernetes.io/os"
	labelArchitecture = "kubernetes.io/arch"
)

func (k *Cluster) nodes(ctx context.Context) ([]corev1.Node, error) {
	list, err := k.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: maxNodes})
	if err != nil {
		return nil, fmt.Errorf("list the cluster's nodes: %w", err)
	}
	return list.Items, nil
}

// checkNodes fails unless a node is there that can run an image of one of the platforms (such as linux/amd64).
func checkNodes(nodes []corev1.Node, platforms []string) error {
	if len(nodes) == 0 {
		return fairlead.Errorf(fairlead.Invalid, "the cluster has no node that could run the agents").WithCode("NoNode")
	}
	reasons := make([]string, 0, len(nodes))
	for i := range nodes {
		reason := unfit(&nodes[i], platforms)
		if reason == "" {
			return nil
		}
		reasons = append(reasons, nodes[i].Name+" "+reason)
	}
	shown, more := reasons[:min(5, len(reasons))], ""
	if len(reasons) > len(shown) {
		more = fmt.Sprintf(", and %d others", len(reasons)-len(shown))
	}
	return fairlead.Errorf(fairlead.Invalid, "no node can run the agents, whose image is for %s: %s%s",
		strings.Join(platforms, " and "), strings.Join(shown, ", "), more).WithCode("NoSuitableNode")
}

func unfit(node *corev1.Node, platforms []string) string {
	platform := node.Labels[labelOS] + "/" + node.Labels[labelArchitecture]
	switch {
	case !slices.Contains(platforms, platform):
		return "is " + platform
	case node.Spec.Unschedulable:
		return "is cordoned"
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return ""
		}
	}
	return "is not Ready"
}

// detect names distribution and infrastructure from the nodes.
func detect(nodes []corev1.Node) (distribution, infrastructure string) {
	seen := make([]distro.Node, len(nodes))
	for i, node := range nodes {
		seen[i] = distro.Node{
			Labels: node.Labels, Annotations: node.Annotations, ProviderID: node.Spec.ProviderID,
			Version: node.Status.NodeInfo.KubeletVersion,
		}
	}
	return distro.Distribution(seen), distro.Infrastructure(seen)
}
