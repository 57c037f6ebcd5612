package engine

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// FakeNode is a Node object that nobody runs: pods are scheduled to it as to any other, and stay pending.
type FakeNode struct {
	// Name is the node's name.
	Name string
	// OS is linux when empty.
	OS string
	// Architecture is amd64 when empty.
	Architecture string
	// Labels are set besides those of name, OS and architecture.
	Labels map[string]string
	// Taints are as in the Node's spec.
	Taints []map[string]string
}

// AddNode registers a node without kubelet, which is Ready and stays so.
func (c *Cluster) AddNode(ctx context.Context, node FakeNode) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	object := node.object()
	if _, err := client.do(ctx, "POST", "/api/v1/nodes", object); err != nil {
		return fmt.Errorf("add node %s: %w", node.Name, err)
	}
	status := map[string]any{"status": object["status"]}
	if _, err := client.do(ctx, "PATCH", "/api/v1/nodes/"+node.Name+"/status", status); err != nil {
		return fmt.Errorf("set status of node %s: %w", node.Name, err)
	}
	return nil
}

// addFirstNode is for what asks which kinds of node a control plane has.
func (b *builder) addFirstNode(ctx context.Context) error {
	return b.cluster.AddNode(ctx, FakeNode{Name: b.nodeName()})
}

func (n FakeNode) object() map[string]any {
	n.OS, n.Architecture = orElse(n.OS, "linux"), orElse(n.Architecture, "amd64")
	labels := map[string]string{"kubernetes.io/os": n.OS, "kubernetes.io/arch": n.Architecture, "kubernetes.io/hostname": n.Name}
	maps.Copy(labels, n.Labels)
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": n.Name, "labels": labels},
		"spec":     map[string]any{"taints": n.Taints},
		"status":   n.status(),
	}
}

func (n FakeNode) status() map[string]any {
	now := time.Now().UTC().Format(time.RFC3339)
	amounts := map[string]any{"cpu": "4", "memory": "16Gi", "ephemeral-storage": "100Gi", "pods": "110"}
	return map[string]any{
		"capacity": amounts, "allocatable": amounts,
		"addresses": []any{map[string]any{"type": "InternalIP", "address": "127.0.0.1"}, map[string]any{"type": "Hostname", "address": n.Name}},
		"nodeInfo": map[string]any{
			"operatingSystem": n.OS, "architecture": n.Architecture, "kubeletVersion": recipe.Version, "osImage": "none", "kernelVersion": "none",
			"containerRuntimeVersion": "none://0", "kubeProxyVersion": "", "machineID": "", "systemUUID": "", "bootID": "",
		},
		"conditions": []any{map[string]any{
			"type": "Ready", "status": "True", "reason": "NoKubelet", "message": "stands in for a node", "lastHeartbeatTime": now, "lastTransitionTime": now,
		}},
	}
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
