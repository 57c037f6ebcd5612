package injection_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/clustertest"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// TestNodesUnreachable has a control plane whose node exists on paper only: pods are said to run, and nobody can read their logs.
func TestNodesUnreachable(t *testing.T) {
	cluster := clustertest.Start(t)
	b := &bench{Stage: &stage.Stage{Cluster: cluster.Cluster, Binary: binary(t), Dir: t.TempDir()}, t: t}
	node := b.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	b.must(b.InstallArc(t.Context(), chart, map[string]any{"nodeName": node}))
	b.pretend(11)
	for _, c := range []struct{ name, reason, addresses, want string }{
		{"Closed", "no kubelet listens at the node's address", `[{"type":"InternalIP","address":"127.0.0.1"}]`, "does not reach"},
		{"NoAddress", "the node has no address at all", `[]`, "address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			on := b.on(t)
			defer on.record("SELF-02")
			on.kubectl("patch", "node", node, "--subresource=status", "--type=merge", "-p", `{"status":{"addresses":`+c.addresses+`}}`)
			report := on.found(injection{id: "SELF-02", args: []string{"--show", "all"}})
			if found := report.Of("SELF-02")[0]; !strings.Contains(found.Reason, c.want) {
				t.Errorf("%s: %q does not speak of %q", c.reason, found.Reason, c.want)
			}
			for _, id := range []string{"EXT-05", "EXT-06"} {
				if found := report.Of(id); len(found) != 1 || found[0].Status != "unknown" {
					t.Errorf("%s: nobody knows what the logs say, yet %s is %+v", c.reason, id, found)
				}
			}
		})
	}
}

// pretend lets all pods of the agents run, as a kubelet would report it.
func (b *bench) pretend(count int) {
	b.t.Helper()
	b.eventually(patience, func() string {
		if placed := strings.Fields(b.kubectl("get", "pods", "-n", agents, "-o", "jsonpath={.items[*].spec.nodeName}")); len(placed) < count {
			return "not all pods have a node"
		}
		return ""
	})
	for line := range strings.SplitSeq(b.kubectl("get", "pods", "-n", agents, "-o", `jsonpath={range .items[*]}{.metadata.name} {.spec.containers[*].name}{"\n"}{end}`), "\n") {
		words := strings.Fields(line)
		statuses := []any{}
		for _, container := range words[1:] {
			statuses = append(statuses, map[string]any{
				"name": container, "image": stage.Image, "imageID": "", "ready": true, "started": true, "restartCount": 0,
				"state": map[string]any{"running": map[string]any{"startedAt": "2026-01-01T00:00:00Z"}},
			})
		}
		condition := func(kind string) any { return map[string]any{"type": kind, "status": "True"} }
		status, err := json.Marshal(map[string]any{"status": map[string]any{
			"phase": "Running", "containerStatuses": statuses, "conditions": []any{condition("Ready"), condition("ContainersReady"), condition("PodScheduled")},
		}})
		b.must(err)
		b.kubectl("patch", "pod", words[0], "-n", agents, "--subresource=status", "--type=merge", "-p", string(status))
	}
}
