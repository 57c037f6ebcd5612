package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestControlPlane connects a cluster without a kubelet, whose agents are a process: the way the demo
// takes without root. Then it takes the agents away, and the cluster, and cleans up.
func TestControlPlane(t *testing.T) {
	t.Parallel()
	s := controlPlane(t)
	before := s.clusterScoped()
	agents := rig.Daemon{Name: "agents", Dir: t.TempDir()}
	t.Cleanup(func() {
		if err := agents.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.startAgents(agents)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120")
	if got := s.status(); got != "Connected" {
		t.Fatalf("connect returned while the cluster is %s", got)
	}
	if err := agents.Stop(); err != nil {
		t.Fatal(err)
	}
	s.becomes("Offline", 20*time.Second)
	s.startAgents(agents)
	s.becomes("Connected", 20*time.Second)

	t.Run("DeleteWithoutCluster", func(t *testing.T) { deletesWithoutCluster(s.on(t)) })
	t.Run("AgentsOfADeletedCluster", func(t *testing.T) { staleAgentsAreReplaced(s.on(t)) })
	t.Run("HubLost", func(t *testing.T) { leavesALostHub(s.on(t), before) })
	t.Run("DeleteByForce", func(t *testing.T) {
		on := s.on(t)
		on.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes", "--force")
		if after := on.clusterScoped(); after != before {
			t.Errorf("before connect:\n%s\nafter delete --force:\n%s", before, after)
		}
	})
}

// leavesALostHub: when there is no hub any more its agents can still be removed, by force.
func leavesALostHub(s *stage, before string) {
	if err := s.hub.Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.refused([]string{"--force"}, "connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	s.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes", "--force")
	if after := s.clusterScoped(); after != before {
		s.t.Errorf("before connect:\n%s\nafter delete --force without the hub:\n%s", before, after)
	}
	s.startHub()
	if got := s.show().ID; got == "" {
		s.t.Error("the hub forgot the cluster by itself")
	}
}

func (s *stage) startAgents(agents rig.Daemon) {
	s.t.Helper()
	err := agents.Start(s.hub.Binary, "agent", "clusteridentityoperator", "cluster-metadata-operator", "config-agent",
		"--kubeconfig", s.cluster.Kubeconfig, "--metrics-address", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
}

// deletesWithoutCluster: without the cluster only the hub's side can go, and only when that is what
// was asked for.
func deletesWithoutCluster(s *stage) {
	reachable := s.cli.Kubeconfig
	s.kubeconfigWith("server", "https://127.0.0.1:1")
	s.refused([]string{"connection refused", "--force"}, "connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	if got := s.show().ID; got == "" {
		s.t.Error("the refused delete removed the cluster at the hub")
	}
	result := s.run("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes", "--force")
	if result.Code != 0 || !strings.Contains(result.Err, "may remain in the cluster") {
		s.t.Errorf("delete --force without the cluster ended with %d and does not say what remains:\n%s", result.Code, result.Err)
	}
	s.refused([]string{"ResourceNotFound"}, "connectedk8s", "show", "-n", edge, "-g", "default")
	s.cli.Kubeconfig = reachable
}

// staleAgentsAreReplaced: the cluster still has the agents of a connection that the hub forgot. Connecting
// starts afresh, with a new key, which the running agents have to take up.
func staleAgentsAreReplaced(s *stage) {
	key := func() string {
		return s.kubectl("get", "secret", "azure-arc-connect-privatekey", "-n", "azure-arc", "-o", "jsonpath={.data}")
	}
	old := key()
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120")
	if key() == old {
		s.t.Error("the key of the forgotten connection is still in use")
	}
}
