package probe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// maxImages is how many images are tried on a node before giving up.
const maxImages = 4

// stock is what the cluster has to run a probe with: nodes, those with agents first, and what images each has.
type stock struct{ nodes []machine }

// machine is a node as far as a probe is concerned.
type machine struct {
	name, arch string
	unfit      string   // why no probe can run on it
	images     []string // the best first
	agents     int      // pods of the namespace that run on it
}

func takeStock(ctx context.Context, client kubernetes.Interface, namespace string) (stock, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return stock{}, refusal(ctx, "list the nodes", err)
	}
	pods, err := running(ctx, client, namespace)
	if err != nil {
		return stock{}, refusal(ctx, "list pods to find an image that is on the node", err)
	}
	var found stock
	for i := range nodes.Items {
		found.nodes = append(found.nodes, describe(&nodes.Items[i], pods, namespace))
	}
	slices.SortStableFunc(found.nodes, func(a, b machine) int { return cmp.Compare(b.agents, a.agents) })
	return found, nil
}

// running lists the pods of all namespaces, or of the one where all is forbidden.
func running(ctx context.Context, client kubernetes.Interface, namespace string) ([]corev1.Pod, error) {
	options := metav1.ListOptions{FieldSelector: "status.phase=Running", ResourceVersion: "0"}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
	if err != nil {
		pods, err = client.CoreV1().Pods(namespace).List(ctx, options)
	}
	if err != nil {
		return nil, err
	}
	return pods.Items, nil
}

func describe(node *corev1.Node, pods []corev1.Pod, namespace string) machine {
	m := machine{name: node.Name, arch: node.Status.NodeInfo.Architecture, unfit: unfit(node)}
	m.images = pauseImages(node)
	for i := range pods {
		pod := &pods[i]
		if pod.Spec.NodeName != node.Name || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		if pod.Namespace == namespace {
			m.agents++
		}
		m.images = append(m.images, startedImages(pod)...)
	}
	m.images = distinct(append(m.images, smallImages(node)...))
	return m
}

func unfit(node *corev1.Node) string {
	switch {
	case node.Status.NodeInfo.OperatingSystem != "linux":
		return fmt.Sprintf("it runs %s", node.Status.NodeInfo.OperatingSystem)
	case node.Labels["type"] == "virtual-kubelet":
		return "it is a virtual kubelet"
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return ""
		}
	}
	return "it is not ready"
}

// choose gives the node of a name, or the best one.
func (s stock) choose(name string) (machine, error) {
	var reasons []string
	for _, node := range s.nodes {
		switch {
		case name != "" && node.name != name:
		case node.unfit != "":
			reasons = append(reasons, fmt.Sprintf("node %s: %s", node.name, node.unfit))
		case len(node.images) == 0:
			return node, &CannotRun{NoImage, fmt.Sprintf("node %s tells of no image that it has", node.name)}
		default:
			return node, nil
		}
	}
	if len(reasons) == 0 {
		return machine{}, &CannotRun{NoNode, strings.TrimSpace("there is no node " + name)}
	}
	return machine{}, &CannotRun{NoNode, "no node can run it: " + strings.Join(reasons, "; ")}
}

// pauseImages come first: they are tiny, and the kubelet keeps them from its garbage collection.
func pauseImages(node *corev1.Node) []string {
	var names []string
	for _, image := range node.Status.Images {
		for _, name := range image.Names {
			last := name[strings.LastIndex(name, "/")+1:]
			if strings.HasPrefix(last, "pause") && !strings.Contains(name, "@") {
				names = append(names, name)
			}
		}
	}
	return names
}

// startedImages are in use: no garbage collection takes them away meanwhile.
func startedImages(pod *corev1.Pod) []string {
	var images []string
	for _, status := range pod.Status.ContainerStatuses {
		for _, container := range pod.Spec.Containers {
			if container.Name == status.Name && status.State.Running != nil {
				images = append(images, container.Image)
			}
		}
	}
	return images
}

func smallImages(node *corev1.Node) []string {
	images := slices.Clone(node.Status.Images)
	slices.SortStableFunc(images, func(a, b corev1.ContainerImage) int { return cmp.Compare(a.SizeBytes, b.SizeBytes) })
	var names []string
	for _, image := range images {
		if len(image.Names) > 0 {
			names = append(names, image.Names[len(image.Names)-1])
		}
	}
	return names
}

func distinct(images []string) []string {
	var found []string
	for _, image := range images {
		if image != "" && !slices.Contains(found, image) && len(found) < maxImages {
			found = append(found, image)
		}
	}
	return found
}
