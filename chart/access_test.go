package chart_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

// rule is a rule of a role.
type rule struct {
	Groups    []string `json:"apiGroups"`
	Resources []string `json:"resources"`
	Names     []string `json:"resourceNames"`
	URLs      []string `json:"nonResourceURLs"` //nolint:tagliatelle // Kubernetes spells it so
	Verbs     []string `json:"verbs"`
}

func (r rule) String() string {
	return fmt.Sprintf("%s %s [%s]: %s", strings.Join(r.Groups, ","), strings.Join(append(r.Resources, r.URLs...), ","),
		strings.Join(r.Names, ","), strings.Join(r.Verbs, " "))
}

// rights lists what the chart grants, a line a rule: namespace (or * for all), agent, rule.
func rights(t *testing.T, found map[string]object) []string {
	t.Helper()
	var all []string
	for _, o := range found {
		if o.Kind != "Role" && o.Kind != "ClusterRole" {
			continue
		}
		var role struct {
			Rules []rule `json:"rules"`
		}
		if err := yaml.Unmarshal([]byte(o.raw), &role); err != nil {
			t.Fatal(err)
		}
		where := o.Metadata.Namespace
		if where == "" {
			where = "*"
		}
		for _, r := range role.Rules {
			all = append(all, where+" "+strings.TrimPrefix(o.Metadata.Name, "azure-arc-")+" "+r.String())
		}
	}
	slices.Sort(all)
	return all
}

// Whoever widens a right has to say so here. That nothing is missing is proved on a real API server,
// where every agent runs as its own service account.
func TestRightsOfEveryAgent(t *testing.T) {
	want := []string{
		"* cluster-metadata-operator  /version []: get",
		"* cluster-metadata-operator  namespaces [kube-system]: get",
		"* cluster-metadata-operator  nodes []: list watch",
		"* kube-aad-proxy  users,groups []: impersonate",
		"* kube-aad-proxy authentication.k8s.io tokenreviews []: create",
		"* kube-aad-proxy authentication.k8s.io userextras/oid []: impersonate",
		"* extension-events-collector  events,pods []: get list watch",
		"* extension-events-collector  pods/log []: get",
		"azure-arc config-agent  secrets []: create patch delete",
		"azure-arc config-agent clusterconfig.azure.com extensionconfigs,fluxconfigs []: get list watch create patch delete",
		"azure-arc extension-events-collector  secrets [azure-identity-certificate]: list watch",
		"azure-arc extension-events-collector clusterconfig.azure.com extensionconfigs []: list watch",
		"azure-arc extension-events-collector coordination.k8s.io leases [extension-events-collector]: get patch",
		"azure-arc cluster-metadata-operator coordination.k8s.io leases [cluster-metadata-operator]: get patch",
		"azure-arc cluster-metadata-operator  secrets [azure-identity-certificate]: list watch",
		"azure-arc cluster-metadata-operator arc.azure.com connectedclusters,connectedclusters/status [clustermetadata]: create patch",
		"azure-arc clusteridentityoperator  secrets [azure-arc-connect-privatekey]: list watch",
		"azure-arc clusteridentityoperator  secrets [azure-identity-certificate]: list watch create patch",
		"azure-arc clusteridentityoperator  secrets [kube-aad-proxy-certificate]: list watch create patch",
		"azure-arc clusteridentityoperator clusterconfig.azure.com arccertificates,arccertificates/status [kube-aad-proxy]: create patch",
		"azure-arc clusteridentityoperator clusterconfig.azure.com azureclusteridentityrequests,azureclusteridentityrequests/status [cluster-identity-request]: create patch",
		"azure-arc config-agent  secrets [azure-identity-certificate]: list watch",
		"azure-arc config-agent arc.azure.com connectedclusters [clustermetadata]: create patch",
		"azure-arc controller-manager apps deployments [cluster-metadata-operator,clusterconnect-agent,clusteridentityoperator,config-agent,controller-manager,extension-events-collector,extension-manager,flux-logs-agent,kube-aad-proxy,metrics-agent]: get create patch",
		"azure-arc controller-manager apps deployments []: list watch",
		"azure-arc flux-logs-agent  secrets [azure-identity-certificate]: list watch",
		"azure-arc flux-logs-agent clusterconfig.azure.com fluxconfigs []: list watch",
		"azure-arc kube-aad-proxy  configmaps [cluster-connect-policy]: get list watch",
		"azure-arc metrics-agent  pods []: list watch",
		"azure-arc metrics-agent  secrets [azure-identity-certificate]: list watch",
		"azure-arc-release controller-manager  secrets []: get list watch",
	}
	slices.Sort(want)
	got := rights(t, mustRender(t, nil))
	if !slices.Equal(got, want) {
		t.Errorf("rights:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// In one process nothing is sent between the agents of cluster connect, so there is no certificate to keep.
func TestEdgeHasTheUnionAndNoMore(t *testing.T) {
	var union []string
	for _, line := range rights(t, mustRender(t, nil)) {
		if strings.Contains(line, "kube-aad-proxy-certificate") {
			continue
		}
		where, rest, _ := strings.Cut(line, " ")
		_, granted, _ := strings.Cut(rest, " ")
		if strings.Contains(granted, "deployments [c") {
			granted = "apps deployments [" + fairlead.EdgeAgent + "]: get create patch"
		}
		union = append(union, where+" "+fairlead.EdgeAgent+" "+granted)
	}
	slices.Sort(union)
	if got := rights(t, mustRender(t, map[string]any{"profile": "edge"})); !slices.Equal(got, union) {
		t.Errorf("rights:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(union, "\n"))
	}
}

// A binding must lead from the role to the account of the same agent, in its namespace.
func TestBindingsMatchRoles(t *testing.T) {
	for key, o := range mustRender(t, nil) {
		if o.Kind != "RoleBinding" && o.Kind != "ClusterRoleBinding" || strings.HasPrefix(o.Metadata.Name, "fairlead:arc:") || o.Metadata.Name == adminBinding {
			continue
		}
		var binding struct {
			RoleRef  struct{ Kind, Name string }
			Subjects []struct{ Kind, Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(o.raw), &binding); err != nil {
			t.Fatal(err)
		}
		s := binding.Subjects[0]
		if binding.RoleRef.Kind+"Binding" != o.Kind || binding.RoleRef.Name != o.Metadata.Name || s.Name != o.Metadata.Name+"-sa" || s.Namespace != fairlead.AgentNamespace {
			t.Errorf("%s: %+v", key, binding)
		}
	}
}
