package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// connectAgents are the two that the feature brings.
func connectAgents() []string { return []string{"clusterconnect-agent", "kube-aad-proxy"} }

// TestClusterConnect reaches the API server of a connected cluster through the hub, does what people and programs do there,
// and compares it with the straight way. Then it takes rights and parts away.
func TestClusterConnect(t *testing.T) {
	t.Parallel()
	s := fullNode(t)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "180")
	s.startKit()
	s.eventually(time.Minute, s.connectNotReady)
	w := newWays(s)
	w.still()
	t.Run("Read", func(t *testing.T) { w.on(t).all(reads()) })
	t.Run("Write", func(t *testing.T) { w.on(t).all(writes()) })
	t.Run("Stream", func(t *testing.T) { streams(w.on(t)) })
	t.Run("Client", func(t *testing.T) { clients(w.on(t)) })
	t.Run("Apart", func(t *testing.T) { w.on(t).all(apartFromOneAnother()) })
	t.Run("Story", func(t *testing.T) { stories(w.on(t)) })
	t.Run("Edge", func(t *testing.T) { oneProcess(w.on(t)) })
}

// connectNotReady is empty when both agents run.
func (s *stage) connectNotReady() string {
	for _, agent := range connectAgents() {
		ready, err := s.cluster.Kubectl(s.t.Context(), "get", "deployment", agent, "-n", "azure-arc", "-o", "jsonpath={.status.readyReplicas}")
		if err != nil || ready != "1" {
			return fmt.Sprintf("%s has %q ready pods (%v)", agent, ready, err)
		}
	}
	return ""
}

func (w *ways) all(operations []operation) {
	for _, one := range operations {
		w.t.Run(one.name, func(t *testing.T) { one.compare(w.on(t)) })
	}
}

// still makes objects that nobody changes.
func (w *ways) still() {
	w.t.Helper()
	var manifest strings.Builder
	manifest.WriteString("apiVersion: v1\nkind: Namespace\nmetadata: {name: still}\n")
	for i, name := range []string{"one", "two", "three", "four", "five"} {
		fmt.Fprintf(&manifest, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: still, labels: {side: %s}}\ndata: {key: value %d, text: \"ünïcode ⚓ <&> \\\\ \\t\"}\n",
			name, []string{"even", "odd"}[(i+1)%2], 9-i)
	}
	w.apply(manifest.String())
}

// oneProcess has all agents in one, which hands connections over to itself.
func oneProcess(w *ways) {
	w.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	w.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--profile", "edge", "--onboarding-timeout", "180")
	w.grant(w.pia, userRole)
	w.as(w.pia).must("connectedk8s", "get-credentials", "-n", edge, "-g", "default", "--overwrite-existing")
	w.worksWithin(30 * time.Second)
	w.all([]operation{{name: "Exec", raw: true, steps: execs()}, {name: "Documents", raw: true, steps: do("get --raw /openapi/v3", "get pods -n kit -o name", "api-resources -o name")}})
	w.t.Run("PortForward", func(t *testing.T) { forwards(w.on(t)) })
	w.t.Run("Doctor", func(t *testing.T) { w.on(t).becomesHealthy() })
	w.t.Run("RoleRevoked", func(t *testing.T) { roleRevoked(w.on(t)) })
}
