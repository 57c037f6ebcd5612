package provider_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestAKeyBelongsToOneCluster(t *testing.T) {
	b := start(t)
	key, other := onboardingKey(t, 2048), strings.Replace(edge, "edge-1", "edge-2", 1)
	b.do("PUT", edge+version, clusterBody(key)).want(http.StatusCreated)
	b.tracker.Beat(strings.ToLower(edge))
	b.do("PUT", other+version, clusterBody(key)).refused(http.StatusConflict, "KeyInUse")
	der, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	spelled := base64.StdEncoding.EncodeToString(der)
	b.do("PUT", other+version, clusterBody(spelled[:40]+`\n`+spelled[40:])).refused(http.StatusConflict, "KeyInUse")
	b.do("PUT", edge+version, clusterBody(key)).want(http.StatusOK)
	b.do("PUT", other+version, clusterBody(onboardingKey(t, 2048))).want(http.StatusCreated)
	b.do("DELETE", edge+version, "").want(http.StatusOK)
	b.do("PUT", edge+version, clusterBody(key)).want(http.StatusCreated)
}

func TestTwoClustersThatReportAsOneAreShown(t *testing.T) {
	b := start(t)
	b.do("PUT", edge+version, clusterBody(onboardingKey(t, 2048))).want(http.StatusCreated)
	at := strings.ToLower(edge)
	for range 3 {
		b.tracker.Heard(at, fairlead.Origin{ClusterUID: "uid-of-one", Instance: "a", Epoch: 1, Confirmed: true})
		b.tracker.Heard(at, fairlead.Origin{ClusterUID: "uid-of-another", Instance: "b", Epoch: 1, Confirmed: true})
	}
	b.tracker.AgentStatus(at, fairlead.AgentStatus{State: "Succeeded"})
	shown := b.do("GET", edge+version, "").want(http.StatusOK).has(
		"properties.arcAgentProfile.agentState", "Failed", "properties.miscellaneousProperties.duplicateIdentity", "TwoClusters")
	errors, _ := shown.document.Get("properties.arcAgentProfile.agentErrors").([]any)
	if len(errors) != 1 {
		t.Fatalf("errors %v", errors)
	}
	first, _ := errors[0].(map[string]any)
	message, _ := first["message"].(string)
	for _, part := range []string{"uid-of-one", "uid-of-another", "fairlead connectedk8s connect -n edge-1"} {
		if !strings.Contains(message, part) {
			t.Errorf("no %q in %q", part, message)
		}
	}
}
