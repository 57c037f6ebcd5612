package e2e_test

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestConnectAgainFails connects a cluster a second time, to a hub that is a version on, while its agents are
// away. What the first run has made stays, and the message says how.
func TestConnectAgainFails(t *testing.T) {
	t.Parallel()
	s := controlPlane(t)
	agents := rig.Daemon{Name: "agents", Dir: t.TempDir()}
	t.Cleanup(func() {
		if err := agents.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.startAgents(agents)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120")
	if err := agents.Stop(); err != nil {
		t.Fatal(err)
	}
	key := s.kubectl("get", "secret", "azure-arc-connect-privatekey", "-n", "azure-arc", "-o", "jsonpath={.metadata.uid}{.data}")
	s.nextVersion()
	s.becomes("Offline", 40*time.Second)
	s.refused([]string{
		"no agent has reported", "What was there before this run stays", edge + " at the hub, status Offline",
		"release azure-arc (deployed) at version 1.40.1-dev, no longer 1.40.0-dev", "the same command goes on from there",
	}, "connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "3")
	if s.kubectl("get", "secret", "azure-arc-connect-privatekey", "-n", "azure-arc", "-o", "jsonpath={.metadata.uid}{.data}") != key {
		t.Error("the cluster's key was replaced")
	}
	s.startAgents(agents)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "60")
	if got := s.status(); got != "Connected" {
		t.Errorf("the same command once more left the cluster %s", got)
	}
}

// nextVersion replaces the hub, and the command line, by those that are a version on.
func (s *stage) nextVersion() {
	s.t.Helper()
	if err := s.hub.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.hub.Binary = binary(s.t, "FAIRLEAD_BINARY_NEXT")
	s.cli.Binary = s.hub.Binary
	s.startHub()
}
