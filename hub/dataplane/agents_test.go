package dataplane_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func TestHeartbeatAsksForMetadataUntilItHasIt(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	if got := b.Presence.View(a.id.Key()); got.Status != fairlead.Connecting || got.CertificateNotAfter.Before(time.Now()) {
		t.Fatalf("%+v, want a certificate and no sign of life yet", got)
	}
	metadata := &fairlead.ClusterMetadata{KubernetesVersion: "1.34.1", Distribution: "k3s", Infrastructure: "generic", TotalNodeCount: 2}
	steps := []struct {
		beat fairlead.Heartbeat
		want bool
	}{
		{fairlead.Heartbeat{MetadataHash: "one"}, true},
		{fairlead.Heartbeat{MetadataHash: "one", Metadata: metadata}, false},
		{fairlead.Heartbeat{MetadataHash: "one"}, false},
		{fairlead.Heartbeat{MetadataHash: "two"}, true},
	}
	for i, step := range steps {
		var answer fairlead.HeartbeatResponse
		status, text := b.call(t, a, fairlead.OpHeartbeat, step.beat, &answer)
		if status != http.StatusOK || answer.SendMetadata != step.want || answer.IntervalSeconds != 5 {
			t.Errorf("beat %d: %d %s, want sendMetadata %t", i, status, text, step.want)
		}
	}
	if got := b.Presence.View(a.id.Key()); got.Status != fairlead.Connected || *got.Metadata != *metadata {
		t.Errorf("%+v, want Connected with metadata", got)
	}
}

func TestStatusesAreKept(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	agents := fairlead.AgentStatus{State: "Failed", Errors: []fairlead.AgentError{{Component: "config-agent", Message: "down"}}}
	if status, text := b.call(t, a, fairlead.OpAgentStatus, agents, nil); status != http.StatusOK {
		t.Errorf("agent status: %d %s", status, text)
	}
	applied := []fairlead.ConfigurationStatus{{Kind: "ConnectedCluster", Name: "clustermetadata", Applied: false, Message: "no CRD"}}
	if status, text := b.call(t, a, fairlead.OpConfigStatus, applied, nil); status != http.StatusOK {
		t.Errorf("configuration status: %d %s", status, text)
	}
	got := b.Presence.View(a.id.Key())
	if got.AgentStatus == nil || got.AgentStatus.State != "Failed" || len(got.Configurations) != 1 || got.Configurations[0] != applied[0] {
		t.Errorf("%+v", got)
	}
}

func TestRequestsAreRefused(t *testing.T) {
	b := newBench(t)
	a, other := b.connect(t, "edge-1"), b.connect(t, "edge-2")
	heartbeat := a.path(fairlead.OpHeartbeat)
	long := encode(t, fairlead.Heartbeat{Metadata: &fairlead.ClusterMetadata{Distribution: strings.Repeat("x", 2000)}})
	cases := map[string]struct {
		reason, path string
		body         []byte
		as           *agent
		status       int
		code         string
	}{
		"NoProof":          {"agents sign", heartbeat, []byte("{}"), nil, 401, "InvalidProof"},
		"OtherCluster":     {"a cluster speaks for itself only", heartbeat, []byte("{}"), other, 401, "InvalidProof"},
		"NoJSON":           {"a body is JSON", heartbeat, []byte("x"), a, 400, "InvalidRequestContent"},
		"LongText":         {"what is kept is bounded", heartbeat, long, a, 400, "BadRequest"},
		"HugeHeartbeat":    {"a heartbeat is small", heartbeat, bytes.Repeat([]byte(" "), 65<<10), a, 413, "RequestEntityTooLarge"},
		"HugeStatus":       {"a post is at most 1 MiB", a.path(fairlead.OpConfigStatus), bytes.Repeat([]byte(" "), 1<<20+1), a, 413, "RequestEntityTooLarge"},
		"OddState":         {"there are two states", a.path(fairlead.OpAgentStatus), []byte(`{"agentState":"Fine"}`), a, 400, "BadRequest"},
		"UnknownOperation": {"the list of operations is closed", a.path("reboot"), []byte("{}"), a, 404, "NotFound"},
		"UnknownQuestion":  {"the list of questions is closed", "/azure-arc-k8sagents/reboot", nil, nil, 404, "NotFound"},
		"ShortPath":        {"a cluster has a name", "/subscriptions/s/resourceGroups/g/provider/connectedclusters", nil, nil, 404, "NotFound"},
		"EscapedName":      {"no name needs escapes", "/subscriptions/s/resourceGroups/g/provider/connectedclusters/clusters/a%2fb/heartbeat", nil, nil, 404, "NotFound"},
		"OddName":          {"names are those of resources", "/subscriptions/s/resourceGroups/g/provider/connectedclusters/clusters/%C3%A4/heartbeat", nil, nil, 400, "InvalidResourceId"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var status int
			var text []byte
			if c.as == nil {
				status, text = b.post(t, c.path, c.body, nil)
			} else {
				status, text = b.post(t, c.path, c.body, c.as.key, c.as.chain...)
			}
			if status != c.status || !strings.Contains(string(text), `"code":"`+c.code+`"`) {
				t.Errorf("%d %s, want %d %s because %s", status, text, c.status, c.code, c.reason)
			}
		})
	}
}

func TestOnlyPostIsAllowed(t *testing.T) {
	b := newBench(t)
	response, err := b.front.Client().Get(b.front.URL + "/azure-arc-k8sagents/healthCheck")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != http.MethodPost {
		t.Errorf("%d, allowed is %q", response.StatusCode, response.Header.Get("Allow"))
	}
}

func TestSpellingOfFixedSegmentsDoesNotMatter(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	path := strings.NewReplacer("subscriptions", "SUBSCRIPTIONS", "resourceGroups", "resourcegroups", "provider", "Provider",
		"heartbeat", "Heartbeat", "edge-1", "EDGE-1").Replace(a.path(fairlead.OpHeartbeat))
	if status, text := b.post(t, path, []byte("{}"), a.key, a.chain...); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
}

func TestDeletedClusterIsTold(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	if err := b.db.DeleteResource(t.Context(), a.id.Key(), store.AnyState); err != nil {
		t.Fatal(err)
	}
	for _, operation := range []string{fairlead.OpHeartbeat, fairlead.OpPendingConfigs, fairlead.OpAgentStatus} {
		if status, text := b.call(t, a, operation, struct{}{}, nil); status != http.StatusNotFound || !strings.Contains(string(text), "ResourceNotFound") {
			t.Errorf("%s: %d %s, want ResourceNotFound", operation, status, text)
		}
	}
	if status, text := b.post(t, a.path(fairlead.OpCertificate), []byte("{}"), a.onboarding); status != http.StatusNotFound || !strings.Contains(string(text), "ResourceNotFound") {
		t.Errorf("certificate: %d %s, want ResourceNotFound", status, text)
	}
}
