package metadata

import (
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/settings"
)

func nodes(t *testing.T, texts ...string) map[string]*corev1.Node {
	t.Helper()
	all := map[string]*corev1.Node{}
	for _, text := range texts {
		n := &corev1.Node{}
		if err := json.Unmarshal([]byte(text), n); err != nil {
			t.Fatal(err)
		}
		reduce(n)
		all[n.Name] = n
	}
	return all
}

func TestFactsOfNodes(t *testing.T) {
	got := factsOf(nodes(t,
		`{"metadata":{"name":"a"},"spec":{"providerID":"aws:///z/i-1"},"status":{"capacity":{"cpu":"4"},"nodeInfo":{"kubeletVersion":"v1.33.1-eks-1"}}}`,
		`{"metadata":{"name":"b"},"status":{"capacity":{"cpu":"3920m"},"images":[{"names":["x"]}]}}`,
		`{"metadata":{"name":"c"},"status":{"capacity":{}}}`,
	))
	if want := (facts{nodes: 3, cores: 7, distribution: "eks", infrastructure: "aws"}); got != want {
		t.Errorf("facts %+v, want %+v", got, want)
	}
}

func TestWhatTheUserSaidWins(t *testing.T) {
	found := facts{nodes: 1, cores: 2, distribution: "k3s", infrastructure: "generic"}
	o := Operator{Settings: settings.Settings{Distribution: "canonical", AgentVersion: "1.40.0", ClusterConnect: true}}
	got := o.metadata(found, "v1.34.1+k3s1")
	want := fairlead.ClusterMetadata{
		KubernetesVersion: "1.34.1+k3s1", DistributionVersion: "k3s1", Distribution: "canonical", Infrastructure: "generic",
		TotalNodeCount: 1, TotalCoreCount: 2, AgentVersion: "1.40.0", ClusterConnect: "Enabled", AzureRBAC: "Disabled",
	}
	if got != want {
		t.Errorf("metadata %+v, want %+v", got, want)
	}
	if hashOf(got) == hashOf(o.metadata(found, "v1.34.2+k3s1")) {
		t.Error("a change of the version does not change the hash")
	}
}

func TestIntervalIsTheHubsWithinReason(t *testing.T) {
	for seconds, want := range map[int]time.Duration{0: 5 * time.Second, -1: 5 * time.Second, 7: 7 * time.Second, 1 << 20: 10 * time.Minute} {
		if got := intervalOf(fairlead.HeartbeatResponse{IntervalSeconds: seconds}); got != want {
			t.Errorf("%d seconds: %s, want %s", seconds, got, want)
		}
	}
}

func TestRetriesAreSlowOnlyAfterARefusal(t *testing.T) {
	cases := map[string]struct {
		err  error
		most time.Duration
	}{
		"Cable":    {fairlead.Errorf(fairlead.Internal, "no route to host"), 5 * time.Second},
		"Outage":   {fairlead.Errorf(fairlead.Unavailable, "503"), 5 * time.Second},
		"Deleted":  {fairlead.Errorf(fairlead.NotFound, "404"), 30 * time.Second},
		"Identity": {fairlead.Errorf(fairlead.Unauthenticated, "401"), 30 * time.Second},
	}
	for name, c := range cases {
		var rhythm Rhythm
		for range 20 {
			rhythm.After(fairlead.HeartbeatResponse{}, c.err)
		}
		if got := rhythm.After(fairlead.HeartbeatResponse{}, c.err); got > c.most || got < c.most/2 {
			t.Errorf("%s: %s, want about %s", name, got, c.most)
		}
	}
}
