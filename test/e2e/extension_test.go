package e2e_test

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// TestExtensions is what becomes of extensions on a real node: their life, everything that can go wrong with an installation, and
// what happens when the hub or the agent ends in the middle of one. The subtests share a hub and a cluster.
func TestExtensions(t *testing.T) {
	t.Parallel()
	s := fullNode(t)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "180")
	s.loadKit()
	if err := s.cluster.AddNode(t.Context(), engine.FakeNode{
		Name: "system", Labels: map[string]string{"pool": "system"}, Taints: []map[string]string{{"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}},
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually(time.Minute, s.extensionAgentsNotReady)
	y := newYard(s)
	for _, step := range []struct {
		name string
		run  func(*yard)
	}{
		{"Life", life},
		{"Failures", failures},
		{"HeldDeletion", heldDeletion},
		{"HubDown", hubDownMeanwhile},
		{"AgentKilled", agentKilledMeanwhile},
		{"APIServerKilled", apiServerKilledMeanwhile},
		{"Offline", offlineMeanwhile},
	} {
		began := time.Now()
		t.Run(step.name, func(t *testing.T) { step.run(y.on(t)) })
		t.Logf("%s took %s", step.name, time.Since(began).Round(time.Second))
	}
	y.keptSecrets()
}

func (s *stage) extensionAgentsNotReady() string {
	s.t.Helper()
	for _, agent := range []string{"config-agent", "extension-manager", "extension-events-collector"} {
		ready, err := s.cluster.Kubectl(s.t.Context(), "get", "deployment", agent, "-n", "azure-arc", "-o", "jsonpath={.status.readyReplicas}")
		if err != nil || ready != "1" {
			return agent + " has " + ready + " ready pods"
		}
	}
	return ""
}
