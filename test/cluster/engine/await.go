package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe"
	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

const (
	pollInterval = 100 * time.Millisecond
	patience     = 2 * time.Minute
	// A process that ended this often does not recover: at three starts a second, others had time to come up.
	tooManyRestarts = 40
)

// await polls until done, and gives up early when a process of the cluster keeps failing.
func (b *builder) await(ctx context.Context, what string, done func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(ctx, pollInterval, func() (bool, error) { return done(ctx), b.cluster.failure() })
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s not ready after %s; logs: %s", what, patience, b.cluster.summary())
	}
	return err
}

// failure is the first process that keeps ending, or the supervisor itself.
func (c *Cluster) failure() error {
	if !c.record.Supervisor.alive() {
		return fmt.Errorf("the supervisor ended: %s", c.tail("supervisor"))
	}
	processes, err := c.Processes()
	if err != nil {
		return nil //nolint:nilerr // no report yet
	}
	for _, p := range processes {
		if p.Restarts >= tooManyRestarts {
			return fmt.Errorf("%s keeps ending (%s): %s", p.Name, p.LastExit, c.tail(p.Name))
		}
	}
	return nil
}

// summary quotes the end of the log of each process that is not running as it should, or of them all.
func (c *Cluster) summary() string {
	processes, _ := c.Processes()
	text := ""
	for _, p := range processes {
		text += fmt.Sprintf("\n--- %s (%s)\n%s", p.Name, condition(p), c.tail(p.Name))
	}
	return text
}

func condition(p spec.Report) string {
	if p.Restarts == 0 {
		return "running"
	}
	return fmt.Sprintf("%d restarts, last %s", p.Restarts, p.LastExit)
}

// tail quotes the end of a log, since the log is gone once a failed start is cleaned up.
func (c *Cluster) tail(name string) string {
	const length = 1500
	content, err := os.ReadFile(filepath.Join(c.LogDir, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-length):])
}

func (b *builder) awaitServer(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	return b.await(ctx, "API server", func(ctx context.Context) bool {
		_, err := client.do(ctx, "GET", "/readyz", nil)
		return err == nil
	})
}

// awaitControllers waits for the default service account, without which no pod can be created.
func (b *builder) awaitControllers(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	return b.await(ctx, "service accounts", func(ctx context.Context) bool {
		_, err := client.do(ctx, "GET", "/api/v1/namespaces/default/serviceaccounts/default", nil)
		return err == nil
	})
}

// markReady is the last thing of a start: from now on the starter is of no importance.
func (b *builder) markReady(context.Context) error {
	b.cluster.record.Ready = true
	return b.cluster.record.write(b.cluster.state)
}

// addNode registers a Linux node that nobody runs, for what asks which kinds of node there are.
func (b *builder) addNode(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	node := fakeNode(b.nodeName())
	if _, err := client.do(ctx, "POST", "/api/v1/nodes", node); err != nil {
		return err
	}
	status := map[string]any{"status": node["status"]}
	_, err = client.do(ctx, "PATCH", "/api/v1/nodes/"+b.nodeName()+"/status", status)
	return err
}

func fakeNode(name string) map[string]any {
	now := time.Now().UTC().Format(time.RFC3339)
	amounts := map[string]any{"cpu": "4", "memory": "16Gi", "ephemeral-storage": "100Gi", "pods": "110"}
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": name, "labels": map[string]any{
			"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name,
		}},
		"status": map[string]any{
			"capacity": amounts, "allocatable": amounts,
			"addresses":  []any{map[string]any{"type": "InternalIP", "address": "127.0.0.1"}, map[string]any{"type": "Hostname", "address": name}},
			"nodeInfo":   fakeNodeInfo(),
			"conditions": []any{map[string]any{"type": "Ready", "status": "True", "reason": "NoKubelet", "message": "stands in for a node", "lastHeartbeatTime": now, "lastTransitionTime": now}},
		},
	}
}

func fakeNodeInfo() map[string]any {
	return map[string]any{
		"operatingSystem": "linux", "architecture": "amd64", "osImage": "none", "kernelVersion": "none", "containerRuntimeVersion": "none://0",
		"kubeletVersion": recipe.Version, "kubeProxyVersion": "", "machineID": "", "systemUUID": "", "bootID": "",
	}
}

// decode reads JSON that the API server answered.
func decode[T any](content []byte) (T, error) {
	var value T
	err := json.Unmarshal(content, &value)
	return value, err
}
