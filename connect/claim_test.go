package connect

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// With the same names at two hubs, only the hubs say what is wrong.
func TestAClusterOfAnotherHubIsToldFromTheOneMeant(t *testing.T) {
	const other = "https://other.example.org"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{})
	}))
	t.Cleanup(server.Close)
	id := fairlead.ConnectedClusterID("S", "shops", "edge")
	hub := &client.Hub{URL: server.URL, HTTP: server.Client()}
	cluster := clusterThatClaims(t, id, other)
	disconnection := &Disconnection{Hub: hub, Cluster: cluster, ID: id}
	connection := &Connection{Hub: hub, Cluster: cluster, ID: id, endpoint: server.URL}
	for name, failure := range map[string]func() error{
		"Change":     func() error { return cluster.belongs(t.Context(), hub, id) },
		"Disconnect": func() error { _, err := disconnection.claim(t.Context()); return err },
		"Connect":    func() error { _, err := connection.stand(t.Context()); return err },
	} {
		err := failure()
		if err == nil || !strings.Contains(err.Error(), "connected to the hub "+other+" as") || !strings.Contains(err.Error(), "not to the hub "+server.URL+", where you are signed in") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
