package cli

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
)

// refusalOf is what the hub says when somebody misses a role.
func refusalOf(name, object, action, scope string) error {
	return fairlead.Errorf(fairlead.Forbidden, "(AuthorizationFailed) The client '%s' with object id '%s' does not have authorization to perform action '%s' "+
		"over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.", name, object, action, scope)
}

func TestARefusalNamesTheCommandThatHelps(t *testing.T) {
	const ada = "5e3f0c1a-0000-4000-8000-000000000001"
	ask := func(role, scope string) string {
		return "ask an owner for: fairlead role assignment create --assignee " + ada + " --role " + role + " --scope " + scope
	}
	const group, cluster = "/subscriptions/s/resourceGroups/g", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Kubernetes/connectedClusters/c"
	or := func(above string) string {
		return "\n       or, as long as there is no such thing yet, for the same with --scope " + above
	}
	for name, c := range map[string]struct{ who, action, scope, want string }{
		"NewGroup":   {"ada", "Microsoft.Resources/subscriptions/resourceGroups/write", group, ask(`"Contributor"`, group) + or("/subscriptions/s")},
		"NewCluster": {"ada", "Microsoft.Kubernetes/connectedClusters/write", cluster, ask(`"Kubernetes Cluster - Azure Arc Onboarding"`, cluster) + or(group)},
		"NewInside":  {"ada", "Microsoft.KubernetesConfiguration/extensions/write", cluster + "/providers/Microsoft.KubernetesConfiguration/extensions/e", ask(`"Kubernetes Extension Contributor"`, cluster+"/providers/Microsoft.KubernetesConfiguration/extensions/e") + or(cluster)},
		"Read":       {"ada", "Microsoft.Kubernetes/connectedClusters/read", "/subscriptions/s", ask(`"Reader"`, "/subscriptions/s")},
		"Connect":    {"ada", "Microsoft.Kubernetes/connectedClusters/write", "/", ask(`"Kubernetes Cluster - Azure Arc Onboarding"`, "/")},
		"Reach":      {"ada", "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action", "/", ask(`"Azure Arc Enabled Kubernetes Cluster User Role"`, "/")},
		"Extension":  {"ada", "Microsoft.KubernetesConfiguration/extensions/write", "/", ask(`"Kubernetes Extension Contributor"`, "/")},
		"Group":      {"ada", "Microsoft.Resources/subscriptions/resourceGroups/write", "/x", ask(`"Contributor"`, "/x")},
		"GiveRoles":  {"ada", "Microsoft.Authorization/roleAssignments/write", "/", ask(`"Role Based Access Control Administrator"`, "/")},
		"MakeRoles":  {"ada", "Microsoft.Authorization/roleDefinitions/write", "/", ask(`"User Access Administrator"`, "/")},
		"OddGroup":   {"ada", "Microsoft.Kubernetes/connectedClusters/read", "/a(b)", ask(`"Reader"`, "'/a(b)'")},
		"Pretending": {"x' with object id 'mallory' does not have authorization to perform action 'y' over scope '/'", "Microsoft.Kubernetes/connectedClusters/read", "/z", ask(`"Reader"`, "/z")},
	} {
		if got := hintCode(refusalOf(c.who, ada, c.action, c.scope)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestARoleIsAskedForOnlyWhereOneIsMissing(t *testing.T) {
	for _, message := range []string{
		"the hub's registry refused: DENIED: the hub packs azurearck8s/fairlead:1 itself, so it cannot be removed",
		"the token refers for its groups to elsewhere",
	} {
		if got := hintCode(fairlead.Errorf(fairlead.Forbidden, "%s", message)); strings.Contains(got, "role") {
			t.Errorf("%s: %q", message, got)
		}
	}
}

// The hub decides what roles grant, and the command line only repeats it.
func TestTheRoleThatIsAskedForIsEnough(t *testing.T) {
	roles := map[string]access.Role{}
	for _, role := range access.Roles() {
		roles[role.Name] = role
	}
	for _, action := range []string{
		"Microsoft.Kubernetes/connectedClusters/read", "Microsoft.Kubernetes/connectedClusters/write", "Microsoft.Kubernetes/connectedClusters/delete",
		"Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action", "Microsoft.Kubernetes/connectedClusters/listClusterUserCredentials/action",
		"Microsoft.KubernetesConfiguration/extensions/write", "Microsoft.KubernetesConfiguration/extensions/delete", "Microsoft.KubernetesConfiguration/extensionTypes/write",
		"Microsoft.KubernetesConfiguration/fluxConfigurations/write", "Microsoft.Resources/subscriptions/resourceGroups/write", "Microsoft.Resources/tags/write",
		"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "Microsoft.Authorization/roleDefinitions/write",
		"Microsoft.Authorization/roleDefinitions/delete", "Microsoft.Kubernetes/register/action", "Microsoft.Directory/users/write", "Microsoft.ContainerRegistry/registries/push/write",
	} {
		if role, known := roles[roleFor(action)]; !known || !role.Grants(action) {
			t.Errorf("%s: role %q does not grant it", action, roleFor(action))
		}
	}
}
