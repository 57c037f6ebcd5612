package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// hubOf is a hub with one cluster that is as told, and with what is on it.
func hubOf(t *testing.T, status fairlead.ConnectivityStatus) *signedIn {
	t.Helper()
	mux := http.NewServeMux()
	cluster := fairlead.ConnectedClusterID(testSubscription, "shops", "edge-1").String()
	mux.HandleFunc("GET "+cluster, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"properties":{"connectivityStatus":%q}}`, status)
	})
	mux.HandleFunc("GET "+cluster+"/providers/Microsoft.KubernetesConfiguration/extensions", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"value":[{"name":"mesh"}]}`)
	})
	mux.HandleFunc("GET "+cluster+"/providers/Microsoft.KubernetesConfiguration/fluxConfigurations", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"value":[{"name":"shop"}]}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &signedIn{Hub: &client.Hub{URL: server.URL, HTTP: server.Client()}}
}

func TestAClusterThatIsAwayIsNamed(t *testing.T) {
	cluster := fairlead.ConnectedClusterID(testSubscription, "shops", "edge-1")
	for name, c := range map[string]struct {
		reason string
		status fairlead.ConnectivityStatus
		id     fairlead.ResourceID
		want   string
	}{
		"Connected": {"nothing to say", fairlead.Connected, client.ExtensionID(cluster, "mesh"), ""},
		"Offline":   {"what is asked of it waits", "Offline", client.FluxID(cluster, "shop"), "Warning: edge-1 is Offline: this is done once its agents reach the hub\n"},
		"Managed":   {"how those are is not known by this document", "Offline", client.ExtensionID(client.ManagedClusterID(testSubscription, "shops", "edge-1"), "mesh"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(c.reason)
			var errs strings.Builder
			s := &session{streams: Streams{Err: &errs}}
			s.warnLate(t.Context(), hubOf(t, c.status), c.id)
			if errs.String() != c.want {
				t.Errorf("%q", errs.String())
			}
		})
	}
}

func TestWhatStaysInADisconnectedClusterIsNamed(t *testing.T) {
	var errs strings.Builder
	s := &session{streams: Streams{Err: &errs}}
	s.warnStaying(t.Context(), hubOf(t, fairlead.Connected), fairlead.ConnectedClusterID(testSubscription, "shops", "edge-1"))
	for _, want := range []string{
		"shop stays in the cluster", "fairlead k8s-configuration flux delete -g shops -c edge-1 -t connectedClusters -n shop\n",
		"mesh stays in the cluster", "fairlead k8s-extension delete -g shops -c edge-1 -t connectedClusters -n mesh\n",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is not in %s", want, errs.String())
		}
	}
}

func TestWhatStandsInTheWayOfAConfigurationIsSaid(t *testing.T) {
	document := client.Document{"name": "shop", "properties": map[string]any{
		"provisioningState": "Succeeded", "complianceState": "Non-Compliant", "errorMessage": "There is no such repository",
	}}
	if got := fluxTrouble(document); got != "Succeeded, Non-Compliant  There is no such repository" {
		t.Errorf("%q", got)
	}
	document["properties"].(map[string]any)["complianceState"] = "Compliant"
	if got := fluxTrouble(document); got != "" {
		t.Errorf("%q", got)
	}
}
