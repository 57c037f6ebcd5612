package dataplane_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// poll asks in the background; the answer comes with the time at which it arrived.
func (b *bench) poll(t *testing.T, a *agent, query fairlead.PendingQuery) <-chan polled {
	t.Helper()
	answers := make(chan polled, 1)
	go func() {
		var answer polled
		answer.status, answer.text = b.call(t, a, fairlead.OpPendingConfigs, query, &answer.PendingConfigs)
		answer.at = time.Now()
		answers <- answer
	}()
	return answers
}

type polled struct {
	fairlead.PendingConfigs

	status int
	text   []byte
	at     time.Time
}

// settled waits until the poll is in the hub: then a change finds it waiting.
func settled(t *testing.T, answers <-chan polled) {
	t.Helper()
	select {
	case early := <-answers:
		t.Fatalf("the poll did not wait: %d %s", early.status, early.text)
	case <-time.After(200 * time.Millisecond):
	}
}

func TestNewClusterGetsTheDesiredStateAtOnce(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	b.put(t, a, func(c *fairlead.ConnectedCluster) {
		c.Tags = map[string]string{"site": "kiel"}
		c.Properties.ArcAgentProfile = &fairlead.ArcAgentProfile{AgentAutoUpgrade: "Disabled", DesiredAgentVersion: "1.39.0"}
		c.Properties.ArcAgentryConfiguration = []fairlead.AgentryConfig{{Feature: "logging", Settings: map[string]string{"level": "debug"}}}
	})
	got := <-b.poll(t, a, fairlead.PendingQuery{WaitSeconds: 30})
	if got.status != http.StatusOK || got.Unchanged || got.ETag == "" || len(got.Configurations) != 1 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	wanted := got.Configurations[0]
	if wanted.APIVersion != "arc.azure.com/v1beta1" || wanted.Kind != "ConnectedCluster" || wanted.Name != "clustermetadata" {
		t.Errorf("%+v", wanted)
	}
	var spec map[string]any
	if err := json.Unmarshal(wanted.Spec, &spec); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"azureResourceId": a.id.String(), "location": "local", "desiredAgentVersion": "1.39.0", "autoUpgrade": "Disabled",
	} {
		if spec[name] != want {
			t.Errorf("%s is %v, want %v", name, spec[name], want)
		}
	}
	if tags, ok := spec["tags"].(map[string]any); !ok || tags["site"] != "kiel" || spec["arcAgentryConfigurations"] == nil {
		t.Errorf("spec %s", wanted.Spec)
	}
}

func TestChangeWakesAPollAtOnce(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	first := <-b.poll(t, a, fairlead.PendingQuery{})
	answers := b.poll(t, a, fairlead.PendingQuery{ETag: first.ETag, WaitSeconds: 30})
	settled(t, answers)
	changed := time.Now()
	b.put(t, a, func(c *fairlead.ConnectedCluster) { c.Tags = map[string]string{"site": "kiel"} })
	got := <-answers
	if got.status != http.StatusOK || got.Unchanged || got.ETag == first.ETag {
		t.Errorf("%d %s", got.status, got.text)
	}
	if took := got.at.Sub(changed); took > 500*time.Millisecond {
		t.Errorf("the change took %s", took)
	}
}

func TestChangeThatDoesNotConcernTheClusterWakesNobody(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	first := <-b.poll(t, a, fairlead.PendingQuery{})
	answers := b.poll(t, a, fairlead.PendingQuery{ETag: first.ETag, WaitSeconds: 1})
	b.put(t, a, func(c *fairlead.ConnectedCluster) { c.Properties.ProvisioningState = "Succeeded" })
	if got := <-answers; got.status != http.StatusOK || !got.Unchanged || got.ETag != first.ETag {
		t.Errorf("%d %s, want unchanged after the wait", got.status, got.text)
	}
}

func TestDeletionWakesAPoll(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	first := <-b.poll(t, a, fairlead.PendingQuery{})
	answers := b.poll(t, a, fairlead.PendingQuery{ETag: first.ETag, WaitSeconds: 30})
	settled(t, answers)
	if err := b.db.DeleteResource(t.Context(), a.id.Key(), store.AnyState); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; got.status != http.StatusNotFound {
		t.Errorf("%d %s, want ResourceNotFound", got.status, got.text)
	}
}

func TestPollsOfOneClusterAreBoundedAndTheNewestStay(t *testing.T) {
	b := newBench(t)
	a := b.connect(t, "edge-1")
	first := <-b.poll(t, a, fairlead.PendingQuery{})
	query := fairlead.PendingQuery{ETag: first.ETag, WaitSeconds: 30}
	oldest := b.poll(t, a, query)
	settled(t, oldest)
	var newer []<-chan polled
	for range 4 {
		newer = append(newer, b.poll(t, a, query))
	}
	if got := <-oldest; got.status != http.StatusOK || !got.Unchanged {
		t.Errorf("%d %s, want the oldest poll ended without news", got.status, got.text)
	}
	b.put(t, a, func(c *fairlead.ConnectedCluster) { c.Tags = map[string]string{"site": "kiel"} })
	for i, answers := range newer {
		if got := <-answers; got.status != http.StatusOK || got.Unchanged {
			t.Errorf("poll %d: %d %s, want the change", i, got.status, got.text)
		}
	}
}
