package settings_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/settings"
)

func environment(changed map[string]string) func(string) string {
	all := map[string]string{
		fairlead.KeySubscription: "s", fairlead.KeyResourceGroup: "g", fairlead.KeyResourceName: "n",
		fairlead.KeyDataPlane: "https://hub:8443/", fairlead.KeyDistribution: "k3s", settings.HubCA: "PEM",
		settings.ProxyHTTPS: "http://user:secret@proxy:3128", settings.Workloads: "config-agent,metrics-agent",
	}
	maps.Copy(all, changed)
	return func(key string) string { return all[key] }
}

func TestEnvironmentIsRead(t *testing.T) {
	got, err := settings.FromEnvironment(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got.HubURL != "https://hub:8443" || got.Cluster.Name() != "n" || string(got.HubCA) != "PEM" || got.Distribution != "k3s" || len(got.Workloads) != 2 {
		t.Errorf("read %+v", got)
	}
	if got.ReleaseName != fairlead.ReleaseName || got.ReleaseNamespace != fairlead.ReleaseNamespace || got.AgentVersion != fairlead.Version {
		t.Errorf("defaults %+v", got)
	}
	if printed := fmt.Sprintf("%v %+v", got, got); strings.Contains(printed, "secret") {
		t.Errorf("the proxy's password is printed: %s", printed)
	}
}

func TestUselessEnvironmentsAreRefused(t *testing.T) {
	cases := map[string]struct {
		reason  string
		changed map[string]string
		missing bool
	}{
		"NoName":       {"a process outside a pod reads the cluster instead", map[string]string{fairlead.KeyResourceName: ""}, true},
		"NoHub":        {"as above", map[string]string{fairlead.KeyDataPlane: ""}, true},
		"PlainHTTP":    {"proofs protect requests, not answers", map[string]string{fairlead.KeyDataPlane: "http://hub"}, false},
		"SmuggledPath": {"names become paths", map[string]string{fairlead.KeyResourceName: "../x"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := settings.FromEnvironment(environment(c.changed))
			if err == nil || (fairlead.KindOf(err) == fairlead.NotFound) != c.missing {
				t.Errorf("%s: error %v", c.reason, err)
			}
		})
	}
}

func TestClusterIsReadWithoutAuthorityAndProxy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMap","data":{"AZURE_SUBSCRIPTION_ID":"s","AZURE_RESOURCE_GROUP":"g","AZURE_RESOURCE_NAME":"n","CONFIG_DP_ENDPOINT":"https://hub"}}`)
	}))
	defer server.Close()
	client, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	got, err := settings.FromCluster(t.Context(), client, fairlead.AgentNamespace)
	if err != nil || got.HubURL != "https://hub" || len(got.HubCA) != 0 {
		t.Errorf("read %+v, %v", got, err)
	}
}
