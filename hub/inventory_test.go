package hub_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestMetricsSayWhatTheHubHolds(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	status, answer := on.do(t, http.MethodGet, "/metrics", bearer, "")
	text, _ := answer["text"].(string)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, answer)
	}
	for _, want := range []string{
		`fairlead_hub_clusters{status="Connected"} 0`, `fairlead_hub_connections{state="busy"} 1`,
		`fairlead_hub_handshakes_total{outcome="served"} `, `fairlead_hub_handshakes_total{outcome="refused"} 0`, `fairlead_hub_handshakes_waiting 0`,
		`fairlead_hub_database_bytes{file="hub.db"}`, `fairlead_hub_requests_total{code="200",part="token"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
