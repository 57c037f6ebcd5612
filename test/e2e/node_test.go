package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

const edge = "edge-1"

// TestNode is the life of one cluster on a real node, from connect to delete. The subtests
// build on one another.
func TestNode(t *testing.T) {
	t.Parallel()
	s := fullNode(t)
	before := s.clusterScoped()
	steps := []struct {
		name string
		run  func(*stage)
	}{
		{"Connect", connects},
		{"Inventory", inventoryIsTrue},
		{"ConnectAgain", connectAgainChangesNothing},
		{"OtherName", otherNameIsRefused},
		{"DesiredState", desiredStateReachesTheCluster},
		{"Repair", deletedAgentComesBack},
		{"AgentsKilled", survivesKilledAgents},
		{"HubRestart", survivesHubRestart},
		{"HubKilled", survivesKilledHub},
		{"NetworkCut", survivesCutNetwork},
		{"Upgrade", upgrades},
		{"Delete", func(s *stage) { deleteLeavesNothing(s, before) }},
		{"Edge", func(s *stage) { edgeProfile(s, before) }},
		{"HubInAPod", hubInAPod},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.run(s.on(t)) }) {
			t.Fatalf("%s failed; what follows would say nothing", step.name)
		}
	}
}

func connects(s *stage) {
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--tags", "site=quay", "--onboarding-timeout", "180")
	if got := s.status(); got != "Connected" {
		s.t.Fatalf("connect returned while the cluster is %s", got)
	}
	s.eventually(time.Minute, func() string { return s.podsNotRunning() })
	images := s.kubectl("get", "pods", "-n", "azure-arc", "-o", "jsonpath={.items[*].spec.containers[*].image}")
	for image := range strings.FieldsSeq(images) {
		if !strings.HasPrefix(image, s.hub.Address+"/") {
			s.t.Errorf("image %s does not come from the hub's registry", image)
		}
	}
}

// podsNotRunning is empty when every agent has a running pod whose containers are all ready.
func (s *stage) podsNotRunning() string {
	s.t.Helper()
	agents := []string{"clusteridentityoperator", "cluster-metadata-operator", "config-agent", "controller-manager", "metrics-agent"}
	for _, agent := range append(agents, connectAgents()...) {
		ready, err := s.cluster.Kubectl(s.t.Context(), "get", "deployment", agent, "-n", "azure-arc", "-o", "jsonpath={.status.readyReplicas}")
		if err != nil || ready != "1" {
			return fmt.Sprintf("%s has %q ready pods (%v)", agent, ready, err)
		}
	}
	return ""
}

func inventoryIsTrue(s *stage) {
	cluster := s.show()
	var version struct {
		ServerVersion struct {
			GitVersion string `json:"gitVersion"`
		} `json:"serverVersion"`
	}
	if err := json.Unmarshal([]byte(s.kubectl("version", "-o", "json")), &version); err != nil {
		s.t.Fatal(err)
	}
	if got, want := "v"+strings.TrimPrefix(cluster.Properties.KubernetesVersion, "v"), version.ServerVersion.GitVersion; got != want {
		s.t.Errorf("kubernetesVersion %s, kubectl says %s", got, want)
	}
	nodes := len(strings.Fields(s.kubectl("get", "nodes", "-o", "name")))
	cores := s.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.capacity.cpu}")
	if cluster.Properties.TotalNodeCount != nodes || fmt.Sprint(cluster.Properties.TotalCoreCount) != cores {
		s.t.Errorf("inventory has %d nodes and %d cores, kubectl %d and %s",
			cluster.Properties.TotalNodeCount, cluster.Properties.TotalCoreCount, nodes, cores)
	}
	if cluster.Tags["site"] != "quay" {
		s.t.Errorf("tags %v, want site=quay", cluster.Tags)
	}
	s.eventually(time.Minute, func() string { return agentsNotReported(s.show()) })
	if table := s.must("connectedk8s", "list", "-o", "table"); !strings.Contains(table, edge) || !strings.Contains(table, "Connected") {
		s.t.Errorf("the list does not show the cluster as connected:\n%s", table)
	}
}

func agentsNotReported(cluster shown) string {
	profile := cluster.Properties.ArcAgentProfile
	ready := 0
	for _, component := range profile.SystemComponents {
		if component.Ready {
			ready++
		}
	}
	if profile.AgentState != "Succeeded" || ready < 7 {
		return fmt.Sprintf("agentState %q with %d agents ready of %v", profile.AgentState, ready, profile.SystemComponents)
	}
	return ""
}

func connectAgainChangesNothing(s *stage) {
	before := s.kubectl("get", "secret", "azure-arc-connect-privatekey", "-n", "azure-arc", "-o", "jsonpath={.metadata.uid}{.data}")
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default")
	if s.kubectl("get", "secret", "azure-arc-connect-privatekey", "-n", "azure-arc", "-o", "jsonpath={.metadata.uid}{.data}") != before {
		s.t.Error("connecting again replaced the cluster's key")
	}
	if got := s.show().Tags["site"]; got != "quay" {
		s.t.Errorf("connecting again lost the tags: site=%q", got)
	}
}

func otherNameIsRefused(s *stage) {
	s.refused([]string{edge}, "connectedk8s", "connect", "-n", "other", "-g", "default")
	s.refused([]string{"ResourceNotFound"}, "connectedk8s", "show", "-n", "other", "-g", "default")
	if got := s.status(); got != "Connected" {
		s.t.Errorf("the refused connect left the cluster %s", got)
	}
}

func desiredStateReachesTheCluster(s *stage) {
	s.must("connectedk8s", "update", "-n", edge, "-g", "default", "--tags", "site=quay", "shift=night")
	s.eventually(10*time.Second, func() string {
		tags := s.kubectl("get", "connectedclusters.arc.azure.com", "clustermetadata", "-n", "azure-arc", "-o", "jsonpath={.spec.tags}")
		if !strings.Contains(tags, "night") {
			return "the custom resource has tags " + tags
		}
		return ""
	})
}

func deletedAgentComesBack(s *stage) {
	s.kubectl("delete", "deployment", "metrics-agent", "-n", "azure-arc")
	s.eventually(time.Minute, s.podsNotRunning)
	s.kubectl("scale", "deployment", "config-agent", "-n", "azure-arc", "--replicas=0")
	s.eventually(time.Minute, s.podsNotRunning)
}

func survivesKilledAgents(s *stage) {
	s.kubectl("delete", "pods", "--all", "-n", "azure-arc", "--grace-period=0", "--force")
	s.eventually(time.Minute, s.podsNotRunning)
	s.becomes("Connected", 30*time.Second)
}

func survivesHubRestart(s *stage) {
	if err := s.hub.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.startHub()
	if got := s.status(); got != "Connected" {
		s.t.Errorf("right after a restart of the hub the cluster is called %s", got)
	}
	s.beatsAfter(time.Now())
}

// beatsAfter waits for a sign of life that is newer than a moment.
func (s *stage) beatsAfter(moment time.Time) {
	s.t.Helper()
	s.eventually(30*time.Second, func() string {
		last := s.show().Properties.LastConnectivityTime
		if last == nil || last.Before(moment) {
			return fmt.Sprintf("the last sign of life is of %v", last)
		}
		return ""
	})
}

func survivesCutNetwork(s *stage) {
	host := s.cluster.HostAddress
	if err := s.cluster.CutNetwork(s.t.Context(), host); err != nil {
		s.t.Fatal(err)
	}
	cut := time.Now()
	s.becomes("Offline", 20*time.Second)
	s.t.Logf("called offline %s after the cut", time.Since(cut).Round(100*time.Millisecond))
	s.staysOffline(cut.Add(time.Minute))
	if err := s.cluster.RestoreNetwork(s.t.Context(), host); err != nil {
		s.t.Fatal(err)
	}
	s.becomes("Connected", 45*time.Second)
}

func (s *stage) staysOffline(until time.Time) {
	s.t.Helper()
	s.eventually(time.Until(until)+10*time.Second, func() string {
		if got := s.status(); got != "Offline" {
			s.t.Fatalf("a cluster without network is %s", got)
		}
		if time.Now().Before(until) {
			return "the minute is not over"
		}
		return ""
	})
}

// upgrades lets the hub be replaced by one that is a version on. The agents of the old version have to get
// along with it until they are upgraded, and keep their identity.
func upgrades(s *stage) {
	s.nextVersion()
	s.beatsAfter(time.Now())
	old := s.show().Properties.AgentVersion
	s.must("connectedk8s", "upgrade", "-n", edge, "-g", "default")
	s.eventually(time.Minute, func() string {
		if got := s.show().Properties.AgentVersion; got == old {
			return "agents report version " + got
		}
		return s.podsNotRunning()
	})
	images := s.kubectl("get", "deployments", "-n", "azure-arc", "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}")
	if strings.Contains(images, ":"+old+" ") || !strings.Contains(images, ":"+s.show().Properties.AgentVersion) {
		s.t.Errorf("after the upgrade from %s the images are %s", old, images)
	}
	s.becomes("Connected", 30*time.Second)
}

func deleteLeavesNothing(s *stage, before string) {
	s.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	if after := s.clusterScoped(); after != before {
		s.t.Errorf("before connect:\n%s\nafter delete:\n%s", before, after)
	}
	s.refused([]string{"ResourceNotFound"}, "connectedk8s", "show", "-n", edge, "-g", "default")
}

func edgeProfile(s *stage, before string) {
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--profile", "edge", "--onboarding-timeout", "180")
	if got := s.status(); got != "Connected" {
		s.t.Fatalf("connect returned while the cluster is %s", got)
	}
	if pods := strings.Fields(s.kubectl("get", "pods", "-n", "azure-arc", "-o", "name")); len(pods) != 1 {
		s.t.Errorf("profile edge has pods %v, want one", pods)
	}
	s.becomes("Connected", 20*time.Second)
	s.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	if after := s.clusterScoped(); after != before {
		s.t.Errorf("before connect:\n%s\nafter delete:\n%s", before, after)
	}
}
