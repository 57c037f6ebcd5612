package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/page"
)

// idle is how long agents are left alone before their memory is read.
const idle = 60 * time.Second

// pod is what the kubelet says of one.
type pod struct {
	namespace, deployment string
	workingSet, rss       int64 // bytes
}

// memory reads what idle agents need, in both profiles.
func (b *bench) memory(ctx context.Context) (string, error) {
	found := map[string][]pod{}
	for _, profile := range []string{"edge", "standard"} {
		fmt.Fprintf(b.progress, "profile %s: connect, then %s of idleness\n", profile, idle)
		pods, err := b.idleAgents(ctx, profile)
		if err != nil {
			return "", err
		}
		found[profile] = pods
	}
	return memoryMarkdown(found), nil
}

func (b *bench) idleAgents(ctx context.Context, profile string) ([]pod, error) {
	if err := b.connect(ctx, profile); err != nil {
		return nil, err
	}
	if err := pause(ctx, idle); err != nil {
		return nil, err
	}
	all, err := b.pods(ctx)
	if err != nil {
		return nil, err
	}
	agents := slices.DeleteFunc(all, func(p pod) bool { return p.namespace != "azure-arc" })
	if len(agents) == 0 {
		return nil, fmt.Errorf("the kubelet knows no pod in azure-arc")
	}
	return agents, b.leave(ctx)
}

// pods asks the kubelet, which reads the pods' cgroups.
func (b *bench) pods(ctx context.Context) ([]pod, error) {
	node, err := b.cluster.Kubectl(ctx, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	if err != nil {
		return nil, err
	}
	content, err := b.cluster.Kubectl(ctx, "get", "--raw", "/api/v1/nodes/"+strings.TrimSpace(node)+"/proxy/stats/summary")
	if err != nil {
		return nil, err
	}
	return parseSummary([]byte(content))
}

// podOf is the one pod of a deployment. Of one that has just started the kubelet knows nothing for some seconds.
func (b *bench) podOf(ctx context.Context, deployment string) (pod, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the kubelet does not say within %s what a pod of %s needs", patience, deployment))
	defer cancel()
	for {
		all, err := b.pods(ctx)
		if err != nil {
			return pod{}, err
		}
		i := slices.IndexFunc(all, func(p pod) bool { return p.deployment == deployment && p.workingSet > 0 })
		if i >= 0 {
			return all[i], nil
		}
		if pause(ctx, time.Second) != nil {
			return pod{}, context.Cause(ctx)
		}
	}
}

func parseSummary(content []byte) ([]pod, error) {
	var summary struct {
		Pods []struct {
			PodRef struct{ Name, Namespace string }
			Memory struct{ WorkingSetBytes, RSSBytes int64 }
		}
	}
	if err := decode(content, "the kubelet's summary", &summary); err != nil {
		return nil, err
	}
	var pods []pod
	for _, one := range summary.Pods {
		pods = append(pods, pod{one.PodRef.Namespace, deployment(one.PodRef.Name), one.Memory.WorkingSetBytes, one.Memory.RSSBytes})
	}
	return pods, nil
}

// deployment cuts the two random parts off a pod's name.
func deployment(pod string) string {
	parts := strings.Split(pod, "-")
	return strings.Join(parts[:max(1, len(parts)-2)], "-")
}

func memoryMarkdown(found map[string][]pod) string {
	var text strings.Builder
	aims := map[string]int{"edge": 40, "standard": 200}
	fmt.Fprintf(&text, "## Memory of idle agents\n\n%s From the kubelet, %s after connecting. The working set counts the pages of the binary that a pod was first to touch; rss does not.\n\n", page.Measured(time.Now()), idle)
	fmt.Fprintf(&text, "| profile | pod | working set MiB | rss MiB | aim MiB |\n|---|---|---:|---:|---:|\n")
	for _, profile := range []string{"edge", "standard"} {
		var all pod
		for _, one := range found[profile] {
			fmt.Fprintf(&text, "| %s | %s | %.1f | %.1f | |\n", profile, one.deployment, mebibytes(one.workingSet), mebibytes(one.rss))
			all.workingSet, all.rss = all.workingSet+one.workingSet, all.rss+one.rss
		}
		fmt.Fprintf(&text, "| %s | **all** | **%.1f** | **%.1f** | ≤ %d |\n", profile, mebibytes(all.workingSet), mebibytes(all.rss), aims[profile])
	}
	return text.String()
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
