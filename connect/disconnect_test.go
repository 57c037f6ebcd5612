package connect

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// clusterThatClaims is an API server that knows little more than where its cluster is connected.
func clusterThatClaims(t *testing.T, id fairlead.ResourceID, dataPlane string) *Cluster {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(pattern string, body any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(body); err != nil {
				t.Error(err)
			}
		})
	}
	answer("GET /version", map[string]string{"gitVersion": "v1.40.0"})
	answer("GET /api/v1/namespaces/"+fairlead.AgentNamespace+"/configmaps/"+fairlead.ClusterConfigMap, corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		Data: map[string]string{
			fairlead.KeySubscription: id.Subscription, fairlead.KeyResourceGroup: id.ResourceGroup,
			fairlead.KeyResourceName: id.Name(), fairlead.KeyDataPlane: dataPlane,
		},
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	config := `{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":"` + server.URL + `"}}],"contexts":[{"name":"c","context":{"cluster":"c","user":"c"}}],"users":[{"name":"c"}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := OpenCluster(file, "")
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

// A hub that is no more must not keep its agents in a cluster for ever.
func TestAForcedDisconnectionSurvivesALostHub(t *testing.T) {
	const url = "https://127.0.0.1:1"
	id := fairlead.ConnectedClusterID("S", "shops", "edge")
	cases := map[string]struct {
		reason, dataPlane string
		claims            fairlead.ResourceID
		ours              bool
	}{
		"Ours":     {"the cluster is the one that is named", "https://hub.example.org", id, true},
		"Another":  {"a kubeconfig of another cluster", "https://hub.example.org", fairlead.ConnectedClusterID("S", "shops", "other"), false},
		"AnAzures": {"Azure's clusters are not ours, whatever they are called", "", id, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // a hub that is lost is asked several times, with pauses
			connection, err := client.NewHTTP(nil)
			if err != nil {
				t.Fatal(err)
			}
			d := &Disconnection{Hub: &client.Hub{URL: url, HTTP: connection}, Cluster: clusterThatClaims(t, c.claims, c.dataPlane), ID: id}
			warnings, err := d.InspectForced(t.Context())
			if (err == nil) != c.ours {
				t.Fatalf("%s: got %v, %v", c.reason, warnings, err)
			}
			if c.ours && (len(d.ForcedSteps()) != 1 || !strings.Contains(strings.Join(warnings, "\n"), "only the cluster's side is removed")) {
				t.Errorf("%s: %d steps, %q", c.reason, len(d.ForcedSteps()), warnings)
			}
			if err := d.Inspect(t.Context()); err == nil || !strings.Contains(err.Error(), "--force") {
				t.Errorf("without force: %v", err)
			}
		})
	}
}
