package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPreflightRefuses brings about every reason for which connect must not even begin, and looks
// at cluster and hub afterwards: both as they were.
func TestPreflightRefuses(t *testing.T) {
	t.Parallel()
	s := controlPlane(t)
	connect := []string{"connectedk8s", "connect", "-n", "never", "-g", "default"}
	cases := map[string]struct {
		reason  string
		prepare func(*stage)
		words   []string
		args    []string
	}{
		"NoSuchContext":   {"the context does not exist", nil, []string{"nowhere", "context"}, []string{"--kube-context", "nowhere"}},
		"NoKubeconfig":    {"the file does not exist", nil, []string{"absent.yaml"}, []string{"--kube-config", filepath.Join(t.TempDir(), "absent.yaml")}},
		"Unreachable":     {"nothing listens", func(s *stage) { s.kubeconfigWith("server", "https://127.0.0.1:1") }, []string{"connection refused"}, nil},
		"ForeignCA":       {"the API server's certificate is another's", func(s *stage) { s.kubeconfigWith("authority", foreignCA) }, []string{"x509", "certificate"}, nil},
		"NoRights":        {"the user may nothing", func(s *stage) { s.kubeconfigWith("as", "nobody") }, []string{"clusterrolebinding", "cluster-admin"}, nil},
		"NoLinuxNode":     {"only a Windows node", windowsOnly, []string{"linux"}, nil},
		"UnknownLocation": {"the hub has no such location", nil, []string{"atlantis"}, []string{"-l", "atlantis"}},
		"BadName":         {"a name that no resource may have", nil, []string{"-bad-", "letters"}, []string{"-n", "-bad-"}},
		"Elsewhere":       {"the cluster is another's", connectedElsewhere, []string{"elsewhere"}, nil},
	}
	for name, c := range cases {
		passed := t.Run(name, func(t *testing.T) {
			on := s.on(t)
			if c.prepare != nil {
				c.prepare(on)
			}
			before := on.clusterScoped()
			on.refused(c.words, append(connect, c.args...)...)
			on.nothingRemains("never", before)
		})
		if !passed {
			s.forget("never")
		}
	}
}

// TestHubRefuses covers what stands between the person and the hub.
func TestHubRefuses(t *testing.T) {
	t.Parallel()
	s := controlPlane(t)
	before := s.clusterScoped()
	t.Run("NotSignedIn", func(t *testing.T) {
		on := s.on(t)
		on.cli.ConfigDir = t.TempDir()
		on.refused([]string{"fairlead login"}, "connectedk8s", "connect", "-n", "never", "-g", "default")
	})
	t.Run("HubWithUnknownCA", func(t *testing.T) {
		on := s.on(t)
		on.cli.ConfigDir = t.TempDir()
		on.refused([]string{"certificate", "--ca-file"}, "login", "--hub", s.hub.URL(), "--service-principal", "-u", "x", "-p", "y")
	})
	t.Run("ReaderMayNotConnect", func(t *testing.T) {
		on := s.on(t)
		on.cli.ConfigDir = on.signedInAs("Reader")
		on.refused([]string{"AuthorizationFailed", "Microsoft.Kubernetes/connectedClusters/write"}, "connectedk8s", "connect", "-n", "never", "-g", "default")
	})
	s.nothingRemains("never", before)
}

// TestNodeRefuses lets the install fail on a real node: the reason has to come from the cluster, and
// what was begun has to be taken back.
func TestNodeRefuses(t *testing.T) {
	t.Parallel()
	s := fullNode(t)
	cases := map[string]struct {
		reason              string
		prepare, look, heal func(*stage)
		words               []string
	}{
		"ForeignRegistryCA": {"the node does not trust the hub's registry", distrustRegistry, nil, (*stage).trustRegistry, []string{"x509", "image"}},
		"Quota":             {"a quota forbids pods in azure-arc", quotaWithoutPods, (*stage).agentNamespaceKept, dropAgentNamespace, []string{"exceeded quota", "shut"}},
		"FullNode":          {"no room for the agents' pods", fillNode, nil, emptyNode, []string{"Insufficient cpu"}},
	}
	for name, c := range cases {
		passed := t.Run(name, func(t *testing.T) {
			on := s.on(t)
			c.prepare(on)
			before := on.clusterScoped()
			started := time.Now()
			on.refused(c.words, "connectedk8s", "connect", "-n", "never", "-g", "default", "--onboarding-timeout", "150")
			t.Logf("refused after %s", time.Since(started).Round(time.Second))
			on.nothingRemains("never", before)
			if c.look != nil {
				c.look(on)
			}
		})
		// Out here it happens also when the subtest was cut short, and the next begins as if it had been alone.
		if !passed {
			s.forget("never")
		}
		c.heal(s)
	}
}

// forget removes what a connect has left that was not refused, or not taken back.
func (s *stage) forget(name string) {
	s.t.Helper()
	result := s.run("connectedk8s", "delete", "-n", name, "-g", "default", "--yes", "--force")
	if result.Code != 0 && !strings.Contains(result.Err, "ResourceNotFound") {
		s.t.Fatalf("%s is left, and the next subtest would find it: %s", name, result.Err)
	}
}

// nothingRemains asserts that cluster and hub are as they were before a connect that failed.
func (s *stage) nothingRemains(name, before string) {
	s.t.Helper()
	if after := s.clusterScoped(); after != before {
		s.t.Errorf("before:\n%s\nafter the refused connect:\n%s", before, after)
	}
	if list := s.must("connectedk8s", "list", "-o", "json"); strings.Contains(list, `"`+name+`"`) {
		s.t.Errorf("the hub still has it: %s", list)
	}
}

// signedInAs returns the configuration folder of a new service principal with a role on group default.
func (s *stage) signedInAs(role string) string {
	s.t.Helper()
	var account struct {
		AppID    string `json:"appId"`
		Password string `json:"password"`
		Tenant   string `json:"tenant"`
	}
	var subscription struct {
		ID string `json:"id"`
	}
	if err := s.cli.JSON(s.t.Context(), &subscription, "account", "show"); err != nil {
		s.t.Fatal(err)
	}
	err := s.cli.JSON(s.t.Context(), &account, "ad", "sp", "create-for-rbac", "--name", strings.ToLower(role),
		"--role", role, "--scopes", "/subscriptions/"+subscription.ID+"/resourceGroups/default")
	if err != nil {
		s.t.Fatal(err)
	}
	other := *s
	other.cli.ConfigDir = s.t.TempDir()
	other.must("login", "--hub", s.hub.URL(), "--ca-file", s.hub.CAFile(), "--service-principal", "-u", account.AppID, "-p", account.Password, "--tenant", account.Tenant)
	return other.cli.ConfigDir
}

// kubeconfigWith points the stage at a copy of the kubeconfig in which one thing is wrong.
func (s *stage) kubeconfigWith(what, value string) {
	s.t.Helper()
	content, err := os.ReadFile(s.cli.Kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.cli.Kubeconfig = path
	set := func(args ...string) {
		if _, err := s.cluster.Kubectl(s.t.Context(), append([]string{"config", "--kubeconfig", path}, args...)...); err != nil {
			s.t.Fatal(err)
		}
	}
	name := s.kubectl("config", "--kubeconfig", path, "view", "-o", "jsonpath={.clusters[0].name}")
	switch what {
	case "server":
		set("set-cluster", name, "--server", value)
	case "authority":
		file := filepath.Join(s.t.TempDir(), "ca.crt")
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			s.t.Fatal(err)
		}
		set("set-cluster", name, "--certificate-authority", file, "--embed-certs")
	case "as": // kubectl has no command for it
		impersonating := strings.Replace(string(content), `"client-certificate-data"`, `"as": "`+value+`", "client-certificate-data"`, 1)
		if impersonating == string(content) {
			s.t.Fatal("the kubeconfig has no user to change")
		}
		if err := os.WriteFile(path, []byte(impersonating), 0o600); err != nil {
			s.t.Fatal(err)
		}
	default:
		s.t.Fatalf("no such change: %s", what)
	}
}

func windowsOnly(s *stage) {
	node := s.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	s.kubectl("label", "node", node, "kubernetes.io/os=windows", "--overwrite")
	s.atEnd("label", "node", node, "kubernetes.io/os=linux", "--overwrite")
}

func connectedElsewhere(s *stage) {
	s.kubectl("create", "namespace", "azure-arc")
	s.kubectl("create", "configmap", "azure-clusterconfig", "-n", "azure-arc", "--from-literal=AZURE_RESOURCE_NAME=elsewhere",
		"--from-literal=AZURE_RESOURCE_GROUP=far", "--from-literal=AZURE_SUBSCRIPTION_ID=00000000-0000-0000-0000-000000000001")
	s.atEnd("delete", "namespace", "azure-arc", "--wait")
}

// atEnd runs kubectl when the subtest is over.
func (s *stage) atEnd(args ...string) {
	s.t.Cleanup(func() {
		if _, err := s.cluster.Kubectl(context.WithoutCancel(s.t.Context()), args...); err != nil {
			s.t.Error(err)
		}
	})
}

func distrustRegistry(s *stage) {
	if err := s.cluster.TrustRegistry(s.hub.Address, []byte(foreignCA)); err != nil {
		s.t.Fatal(err)
	}
}

// quotaWithoutPods is a namespace that an administrator made before, and shut. The API server lets everything past
// a quota until a controller has counted what is there. That controller looks for new kinds every half minute, and
// stands still until the next time when they go while it begins to watch them, as those of the connect before may.
func quotaWithoutPods(s *stage) {
	s.kubectl("create", "namespace", "azure-arc")
	s.kubectl("create", "quota", "shut", "-n", "azure-arc", "--hard=pods=0")
	s.eventually(90*time.Second, func() string {
		_, err := s.cluster.Kubectl(s.t.Context(), "run", "probe", "-n", "azure-arc", "--image=probe.invalid/none:1", "--dry-run=server")
		switch {
		case err == nil:
			return "the quota lets a pod pass"
		case !strings.Contains(err.Error(), "exceeded quota: shut"):
			return err.Error()
		}
		return ""
	})
}

// agentNamespaceKept asserts that the administrator's namespace is as it was.
func (s *stage) agentNamespaceKept() {
	s.t.Helper()
	if left := s.kubectl("get", "deployments,secrets,serviceaccounts", "-n", "azure-arc", "-o", "name"); left != "serviceaccount/default" {
		s.t.Errorf("left in the administrator's namespace: %s", left)
	}
	if marks := s.marks("azure-arc"); strings.Contains(marks, "helm") || strings.Contains(marks, "Helm") {
		s.t.Errorf("the administrator's namespace is marked: %s", marks)
	}
}

func dropAgentNamespace(s *stage) {
	s.kubectl("delete", "namespace", "azure-arc", "--ignore-not-found", "--wait")
}

// fillNode takes what the only node has left of processors, in pieces that get smaller, until not even
// a thousandth of one is free: whatever piece does not fit stays pending and harms nobody.
func fillNode(s *stage) {
	s.kubectl("create", "namespace", "filler")
	for _, size := range []int{1000, 500, 200, 100, 50, 20, 10, 5, 2, 1} {
		for piece := range 2 {
			name := fmt.Sprintf("filler-%d-%d", size, piece)
			s.kubectl("run", name, "-n", "filler", "--image=filler.invalid/none:1", "--overrides", fmt.Sprintf(
				`{"spec":{"containers":[{"name":%q,"image":"filler.invalid/none:1","resources":{"requests":{"cpu":"%dm"}}}]}}`, name, size))
		}
	}
	s.eventually(time.Minute, func() string {
		reasons := s.kubectl("get", "pods", "-n", "filler", "-o", `jsonpath={range .items[*]}{.metadata.name}={.spec.nodeName}{.status.conditions[?(@.type=="PodScheduled")].reason} {end}`)
		if strings.Contains(reasons+" ", "= ") || !strings.Contains(reasons, "filler-1-1=Unschedulable") {
			return "not yet full: " + reasons
		}
		return ""
	})
}

func emptyNode(s *stage) {
	s.kubectl("delete", "namespace", "filler", "--ignore-not-found", "--grace-period=0", "--force")
}
