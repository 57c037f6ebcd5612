package engine

import (
	"context"
	_ "embed" // for the manifest
	"strings"
)

//go:embed dns.yaml
var dnsManifest string

func (b *builder) applyDNS(ctx context.Context) error {
	_, err := b.cluster.KubectlInput(ctx, strings.NewReader(dnsManifest), "create", "--validate=false", "-f", "-")
	return err
}

func (b *builder) awaitNode(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	return b.await(ctx, "node", func(ctx context.Context) bool {
		content, err := client.do(ctx, "GET", "/api/v1/nodes/"+b.nodeName(), nil)
		return err == nil && conditionTrue(content, "Ready")
	})
}

// awaitDNS waits for the first pod of the cluster, which proves sandboxes, images, addresses, services and probes at once.
func (b *builder) awaitDNS(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	return b.await(ctx, "DNS", func(ctx context.Context) bool {
		content, err := client.do(ctx, "GET", "/apis/apps/v1/namespaces/kube-system/deployments/coredns", nil)
		return err == nil && conditionTrue(content, "Available")
	})
}

// conditionTrue reads a condition of any object that has some.
func conditionTrue(content []byte, kind string) bool {
	object, err := decode[struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}](content)
	for _, c := range object.Status.Conditions {
		if c.Type == kind {
			return err == nil && c.Status == "True"
		}
	}
	return false
}
