package e2e_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
	"github.com/fairlead/fairlead/test/e2e/rig/helm"
)

const (
	aks       = "aks-1"
	aksType   = "Microsoft.ContainerService/managedClusters"
	aksAgents = "extension-agent,extension-operator"
)

// TestManagedCluster is a cluster of AKS' kind, made as docs/extensions.md tells: its resource by itself, its agents by Helm.
func TestManagedCluster(t *testing.T) {
	t.Parallel()
	s := fullNode(t)
	s.loadKit()
	y := newYard(s)
	y.manage()
	tell(t, y.on, []part[*yard]{
		{"Agents", managedAgentsRun}, {"Extension", managedExtension}, {"Flux", managedFlux}, {"Delete", managedEnd},
	})
}

// manage makes the resource, and installs the agents with the key that belongs to it.
func (y *yard) manage() {
	y.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		y.t.Fatal(err)
	}
	public := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	y.must("resource", "create", "-g", "default", "-n", aks, "--resource-type", aksType, "--properties", `{"agentPublicKeyCertificate":"`+public+`"}`)
	if err := (helm.Release{Kubeconfig: y.cluster.Kubeconfig, Namespace: "kube-system", Name: "azure-arc", Patience: 3 * time.Minute}).
		Install(y.t.Context(), y.agentsChart(), y.managedValues(key)); err != nil {
		y.t.Fatal(err)
	}
}

// agentsChart pulls the agents' chart as helm does.
func (y *yard) agentsChart() string {
	y.t.Helper()
	client, err := y.hub.Client()
	if err != nil {
		y.t.Fatal(err)
	}
	version := strings.TrimSpace(y.must("version", "--query", "fairlead", "-o", "tsv"))
	file, err := helm.Pull(client, y.hub.Address+"/azurearck8s/batch1/stable/azure-arc-k8sagents:"+version, y.t.TempDir())
	if err != nil {
		y.t.Fatal(err)
	}
	return file
}

func (y *yard) managedValues(key *rsa.PrivateKey) map[string]any {
	y.t.Helper()
	var account struct{ ID, TenantID string }
	if err := json.Unmarshal([]byte(y.must("account", "show", "-o", "json")), &account); err != nil {
		y.t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return map[string]any{
		"global": map[string]any{
			"clusterType": "managedClusters", "subscriptionId": account.ID, "tenantId": account.TenantID, "resourceGroupName": "default", "resourceName": aks,
			"location": "local", "hubCA": read(y.t, y.hub.CAFile()), "onboardingPrivateKey": string(private),
		},
		"systemDefaultValues": map[string]any{
			"image":          map[string]any{"repository": y.hub.Address},
			"azureArcAgents": map[string]any{"config_dp_endpoint_override": "https://" + y.hub.Address},
		},
	}
}

// aksShown is what the hub says of the cluster.
func (y *yard) aksShown() shown {
	y.t.Helper()
	var cluster shown
	if err := json.Unmarshal([]byte(y.must("resource", "show", "-g", "default", "-n", aks, "--resource-type", aksType, "-o", "json")), &cluster); err != nil {
		y.t.Fatal(err)
	}
	return cluster
}

func managedAgentsRun(y *yard) {
	y.eventually(time.Minute, func() string {
		if cluster := y.aksShown().Properties; cluster.ConnectivityStatus != "Connected" || cluster.TotalNodeCount != 1 {
			return fmt.Sprintf("the hub shows %+v", cluster)
		}
		return ""
	})
	names := y.kubectl("get", "deployments", "-n", "kube-system", "-l", "app.kubernetes.io/part-of=azure-arc", "-o", "jsonpath={.items[*].metadata.name}")
	if strings.ReplaceAll(names, " ", ",") != aksAgents {
		y.t.Errorf("the agents are %s", names)
	}
	if got := y.kubectl("get", "namespaces", "azure-arc", "--ignore-not-found", "-o", "name"); got != "" {
		y.t.Errorf("such a cluster needs no %s", got)
	}
}

// managedDoes runs a command about something of the cluster that has to succeed.
func (y *yard) managedDoes(command, name string, args ...string) string {
	y.t.Helper()
	all := append(strings.Fields(command), "-g", "default", "-c", aks, "-t", "managedClusters", "-n", name)
	return y.must(append(all, args...)...)
}

// managedExtension is the life of an extension, with an upgrade that fails.
func managedExtension(y *yard) {
	for _, version := range []string{"1.0.0", "2.0.0"} {
		y.offers("ferry", version, ferry())
	}
	y.managedDoes("k8s-extension create", "ferry", "--extension-type", "test.ferry", "--version", "1.0.0", "--config", "route=harbour",
		"--config-protected-file", y.secretFile(password), "--timeout", "60s")
	y.has("1.0.0", "harbour", password)
	y.managedDoes("k8s-extension update", "ferry", "--config", "route=island")
	y.has("1.0.0", "island", password)
	y.refused([]string{"ExtensionUpdateFailed", "version 1.0.0 runs again", "cannot log in with <protected setting>"},
		"k8s-extension", "update", "-g", "default", "-c", aks, "-t", "managedClusters", "-n", "ferry", "--version", "2.0.0", "--timeout", "15s")
	y.lacks(y.managedDoes("k8s-extension events", "ferry", "-o", "json"), []string{"RollingBack", "Ready"})
	y.managedDoes("k8s-extension delete", "ferry", "--yes")
	if left := y.kubectl("get", "extensionconfigs,secrets", "-n", "kube-system", "-o", "name"); strings.Contains(left, "ferry") {
		y.t.Errorf("in kube-system are left %s", left)
	}
}

// managedFlux follows a repository.
func managedFlux(y *yard) {
	if err := y.cluster.LoadFlux(y.t.Context(), y.t.Output()); err != nil {
		y.t.Fatal(err)
	}
	g := &gitops{stage: y.stage}
	g.hosts()
	commit := g.commit("first", map[string]string{"app/note.yaml": strings.Replace(settingsMap, "name: settings", "name: settings, namespace: shop", 1)})
	y.managedDoes("k8s-extension create", "flux", "--extension-type", "microsoft.flux", "--config", "helm-controller.enabled=false", "notification-controller.enabled=false")
	y.managedDoes("k8s-configuration flux create", "shop", "--namespace", "shop", "--scope", "cluster", "-u", g.server.URL, "--branch", "main",
		"--interval", "5s", "--kustomization", "name=app", "path=./app", "prune=true")
	y.eventually(time.Minute, func() string {
		var found struct {
			Properties rig.FluxState `json:"properties"`
		}
		if err := json.Unmarshal([]byte(y.managedDoes("k8s-configuration flux show", "shop", "-o", "json")), &found); err != nil {
			y.t.Fatal(err)
		}
		if state := found.Properties; state.ComplianceState != rig.FluxCompliant || !strings.HasSuffix(state.SourceSyncedCommitID, commit) {
			return fmt.Sprintf("the hub shows %+v", state)
		}
		return ""
	})
	y.lacks(y.managedDoes("k8s-configuration flux logs", "shop", "--since", "10m"), []string{"shop"})
	y.managedDoes("k8s-configuration flux delete", "shop", "--yes")
	y.managedDoes("k8s-extension delete", "flux", "--yes")
}

// managedEnd takes the agents away, and then the resource.
func managedEnd(y *yard) {
	if err := (helm.Release{Kubeconfig: y.cluster.Kubeconfig, Namespace: "kube-system", Name: "azure-arc"}).Uninstall(); err != nil {
		y.t.Error(err)
	}
	if left := y.kubectl("get", "deployments", "-n", "kube-system", "-l", "app.kubernetes.io/part-of=azure-arc", "-o", "name"); left != "" {
		y.t.Errorf("left are %s", left)
	}
	y.must("resource", "delete", "-g", "default", "-n", aks, "--resource-type", aksType)
	y.refused([]string{"ResourceNotFound"}, "resource", "show", "-g", "default", "-n", aks, "--resource-type", aksType)
}
