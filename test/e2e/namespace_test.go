package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestNamespaceOfSomeoneElse connects a cluster whose namespaces an administrator made before, and takes it
// away again: the namespaces are as they were, with what the administrator has in them.
func TestNamespaceOfSomeoneElse(t *testing.T) {
	t.Parallel()
	s := controlPlane(t)
	agents := rig.Daemon{Name: "agents", Dir: t.TempDir()}
	t.Cleanup(func() {
		if err := agents.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.startAgents(agents)
	for _, name := range []string{"azure-arc", "azure-arc-release"} {
		s.kubectl("create", "namespace", name)
		s.kubectl("label", "namespace", name, "team=quay")
		s.kubectl("create", "configmap", "theirs", "-n", name)
		s.kubectl("create", "secret", "generic", "proxy-config", "-n", name)
		s.eventually(10*time.Second, func() string { return s.lacks(name, "serviceaccounts/default") })
		s.eventually(10*time.Second, func() string { return s.lacks(name, "configmaps/kube-root-ca.crt") })
	}
	wide, before := s.clusterScoped(), s.namespaces()
	for name, remove := range map[string][]string{"Delete": {"--yes"}, "DeleteByForce": {"--yes", "--force"}} {
		t.Run(name, func(t *testing.T) {
			on := s.on(t)
			on.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120")
			if on.lacks("azure-arc", "deployments/config-agent") != "" || on.lacks("azure-arc", "secrets/azure-identity-certificate") != "" {
				t.Error("connected, but not by agents in the administrator's namespace")
			}
			on.must(append([]string{"connectedk8s", "delete", "-n", edge, "-g", "default"}, remove...)...)
			on.same(before)
			on.kubectl("create", "secret", "generic", "azure-identity-certificate", "-n", "azure-arc")
			on.must(append([]string{"connectedk8s", "delete", "-n", edge, "-g", "default"}, remove...)...)
			on.same(before) // an interrupted removal goes on
			if after := on.clusterScoped(); after != wide {
				t.Errorf("before connect:\n%s\nafter delete:\n%s", wide, after)
			}
		})
	}
	t.Run("MadeForTheAgents", func(t *testing.T) { namespaceOfAzGoes(s.on(t)) })
}

// namespaceOfAzGoes: the az client makes the namespace itself, marked as the release's.
func namespaceOfAzGoes(s *stage) {
	s.kubectl("delete", "namespace", "azure-arc", "azure-arc-release", "--wait")
	before := s.clusterScoped()
	s.kubectl("create", "namespace", "azure-arc")
	s.kubectl("label", "namespace", "azure-arc", "app.kubernetes.io/managed-by=Helm")
	s.kubectl("annotate", "namespace", "azure-arc", "meta.helm.sh/release-name=azure-arc", "meta.helm.sh/release-namespace=azure-arc-release")
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120")
	s.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	if after := s.clusterScoped(); after != before {
		s.t.Errorf("before connect:\n%s\nafter delete:\n%s", before, after)
	}
}

// namespaces is what the administrator's namespaces are and hold.
func (s *stage) namespaces() map[string]string {
	s.t.Helper()
	found := map[string]string{}
	for _, name := range []string{"azure-arc", "azure-arc-release"} {
		found[name] = s.marks(name) + "\n" + s.contents(name)
	}
	return found
}

func (s *stage) same(before map[string]string) {
	s.t.Helper()
	if after := s.namespaces(); !maps.Equal(before, after) {
		s.t.Errorf("the administrator's namespaces were:\n%v\nand are:\n%v", before, after)
	}
}

// marks is who a namespace is.
func (s *stage) marks(namespace string) string {
	s.t.Helper()
	return s.kubectl("get", "namespace", namespace, "-o", "jsonpath={.metadata.uid} {.metadata.labels} {.metadata.annotations}")
}

// contents lists everything in a namespace but events, which fade by themselves.
func (s *stage) contents(namespace string) string {
	s.t.Helper()
	kinds := strings.Fields(s.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name"))
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return strings.HasPrefix(kind, "events") })
	return s.kubectl("get", strings.Join(kinds, ","), "-n", namespace, "-o", "name", "--ignore-not-found")
}

func (s *stage) lacks(namespace, object string) string {
	s.t.Helper()
	if s.kubectl("get", object, "-n", namespace, "-o", "name", "--ignore-not-found") == "" {
		return namespace + " lacks " + object
	}
	return ""
}
