package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// idle is how long the agents are left alone before their memory is read.
const idle = 60 * time.Second

// figures is what one run found.
type figures struct {
	join    []time.Duration
	barePod []time.Duration
	memory  map[string][]podMemory // by profile
}

type podMemory struct {
	name            string
	workingSet, rss int64 // bytes
}

func (b *bench) measure(ctx context.Context) (figures, error) {
	f := figures{memory: map[string][]podMemory{}}
	for _, profile := range []string{"edge", "standard"} {
		pods, err := b.profileMemory(ctx, profile)
		if err != nil {
			return f, err
		}
		f.memory[profile] = pods
	}
	// The image is on the node from here on.
	for i := range b.runs {
		fmt.Fprintf(b.progress, "join %d of %d\n", i+1, b.runs)
		bare, err := b.barePod(ctx)
		if err != nil {
			return f, err
		}
		join, err := b.join(ctx, "standard")
		if err != nil {
			return f, err
		}
		f.barePod, f.join = append(f.barePod, bare), append(f.join, join)
		if err := b.leave(ctx); err != nil {
			return f, err
		}
	}
	return f, nil
}

// join times the connect command, which returns when the hub says Connected and has the metadata.
func (b *bench) join(ctx context.Context, profile string) (time.Duration, error) {
	started := time.Now()
	err := b.fairlead(ctx, "connectedk8s", "connect", "-n", "bench", "-g", "default", "--profile", profile, "--onboarding-timeout", "240")
	return time.Since(started), err
}

func (b *bench) leave(ctx context.Context) error {
	return b.fairlead(ctx, "connectedk8s", "delete", "-n", "bench", "-g", "default", "--yes")
}

// barePod times one pod of the agents' image from create to Running: the floor for whatever starts as a pod here.
func (b *bench) barePod(ctx context.Context) (time.Duration, error) {
	image := b.hub.Address + "/azurearck8s/fairlead:" + b.version(ctx)
	started := time.Now()
	if _, err := b.cluster.Kubectl(ctx, "run", "bare", "--image="+image, "--restart=Never", "--", "version"); err != nil {
		return 0, err
	}
	_, err := b.cluster.Kubectl(ctx, "wait", "pod/bare", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
	elapsed := time.Since(started)
	if err != nil {
		return 0, err
	}
	_, err = b.cluster.Kubectl(ctx, "delete", "pod", "bare", "--wait")
	return elapsed, err
}

func (b *bench) version(ctx context.Context) string {
	var version struct {
		Fairlead string `json:"fairlead"`
	}
	if err := b.cli.JSON(ctx, &version, "version"); err != nil {
		return err.Error()
	}
	return version.Fairlead
}

func (b *bench) profileMemory(ctx context.Context, profile string) ([]podMemory, error) {
	fmt.Fprintf(b.progress, "profile %s: connect, then %s of idleness\n", profile, idle)
	if _, err := b.join(ctx, profile); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(idle):
	}
	pods, err := b.podMemory(ctx)
	if err != nil {
		return nil, err
	}
	return pods, b.leave(ctx)
}

// podMemory asks the kubelet, which reads the pods' cgroups.
func (b *bench) podMemory(ctx context.Context) ([]podMemory, error) {
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

func parseSummary(content []byte) ([]podMemory, error) {
	var summary struct {
		Pods []struct {
			PodRef struct{ Name, Namespace string }
			Memory struct{ WorkingSetBytes, RSSBytes int64 }
		}
	}
	if err := json.Unmarshal(content, &summary); err != nil {
		return nil, fmt.Errorf("understand the kubelet's summary: %w", err)
	}
	var pods []podMemory
	for _, pod := range summary.Pods {
		if pod.PodRef.Namespace == "azure-arc" {
			pods = append(pods, podMemory{pod.PodRef.Name, pod.Memory.WorkingSetBytes, pod.Memory.RSSBytes})
		}
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("the kubelet knows no pod in azure-arc")
	}
	return pods, nil
}
