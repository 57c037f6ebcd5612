package access_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead/hub/access"
)

func TestBuiltInRolesAreSound(t *testing.T) {
	names, guids := map[string]bool{}, map[string]bool{}
	for _, role := range access.Roles() {
		if names[role.Name] || guids[role.GUID] || uuid.Validate(role.GUID) != nil || role.Custom || !role.Assignable("/subscriptions/s") {
			t.Errorf("%+v", role)
		}
		names[role.Name], guids[role.GUID] = true, true
	}
	cases := map[string]struct {
		role, action string
		data, want   bool
	}{
		"AdministratorAssigns":     {access.AccessControlAdministrator, "Microsoft.Authorization/roleAssignments/write", false, true},
		"ButDefinesNoRoles":        {access.AccessControlAdministrator, "Microsoft.Authorization/roleDefinitions/write", false, false},
		"AccessAdministratorDoes":  {access.UserAccessAdministrator, "Microsoft.Authorization/roleDefinitions/write", false, true},
		"ButWritesNoClusters":      {access.UserAccessAdministrator, "Microsoft.Kubernetes/connectedClusters/write", false, false},
		"OwnerHasNoDataActions":    {access.Owner, "Microsoft.Kubernetes/connectedClusters/pods/read", true, false},
		"ViewerReadsPods":          {access.ArcViewer, "Microsoft.Kubernetes/connectedClusters/pods/read", true, true},
		"ViewerReadsNoSecrets":     {access.ArcViewer, "Microsoft.Kubernetes/connectedClusters/secrets/read", true, false},
		"WriterWritesSecrets":      {access.ArcWriter, "Microsoft.Kubernetes/connectedClusters/secrets/write", true, true},
		"WriterBindsNoRoles":       {access.ArcWriter, "Microsoft.Kubernetes/connectedClusters/rbac.authorization.k8s.io/rolebindings/write", true, false},
		"AdminBindsRoles":          {access.ArcAdmin, "Microsoft.Kubernetes/connectedClusters/rbac.authorization.k8s.io/rolebindings/write", true, true},
		"AdminKeepsNamespaces":     {access.ArcAdmin, "Microsoft.Kubernetes/connectedClusters/namespaces/delete", true, false},
		"ClusterAdminDoesAll":      {access.ArcClusterAdmin, "Microsoft.Kubernetes/connectedClusters/namespaces/delete", true, true},
		"ClusterAdminOfTheCluster": {access.ArcClusterAdmin, "Microsoft.Kubernetes/connectedClusters/delete", false, false},
		"UserGetsCredentials":      {access.ArcClusterUser, "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action", false, true},
		"ExtensionsAreManaged":     {access.KubernetesExtensions, "Microsoft.KubernetesConfiguration/extensions/delete", false, true},
	}
	for name, c := range cases {
		role, ok := access.RoleByGUID(c.role)
		if !ok {
			t.Fatalf("%s: no role %s", name, c.role)
		}
		grants := role.Grants
		if c.data {
			grants = role.GrantsData
		}
		if grants(c.action) != c.want {
			t.Errorf("%s: %s %s", name, role.Name, c.action)
		}
	}
}

func TestWithin(t *testing.T) {
	const pods, all = "M.K/clusters/pods/read", "M.K/*"
	may := func(actions ...string) access.Permission { return access.Permission{Actions: actions} }
	less := func(p access.Permission, not ...string) access.Permission { p.NotActions = not; return p }
	data := access.Permission{DataActions: []string{"*"}}
	cases := map[string]struct {
		reason       string
		wanted, held access.Permission
		want         bool
	}{
		"Same":          {"what is held", may(pods), may(pods), true},
		"Part":          {"a star covers", may(pods), may(all), true},
		"StarInStar":    {"and covers smaller stars", may("M.K/clusters/*/read"), may(all), true},
		"Case":          {"case does not matter", may("m.k/CLUSTERS/pods/READ"), may(pods), true},
		"More":          {"a star is more than one", may(all), may(pods), false},
		"Everything":    {"most of all", may("*"), may(all, "*/read"), false},
		"LackedBySelf":  {"taken off at the holder", may(pods), less(may("*"), "M.K/*/read"), false},
		"LackedByBoth":  {"and taken off in the role", less(may("*"), "M.K/*"), less(may("*"), "M.K/*/read"), true},
		"LackElsewhere": {"what is lacking lies elsewhere", may(pods), less(may("*"), "M.A/*/write"), true},
		"LackHalfHeld":  {"a star that reaches into what is lacking", may("M.*"), less(may("*"), "M.A/*/write"), false},
		"Data":          {"actions are no data actions", data, may("*"), false},
		"DataHeld":      {"data in data", access.Permission{DataActions: []string{pods}}, data, true},
		"Nothing":       {"nothing is within nothing", may(), may(), true},
	}
	for name, c := range cases {
		if got := access.Within([]access.Permission{c.wanted}, []access.Permission{c.held}); got != c.want {
			t.Errorf("%s: %v, want %v: %s", name, got, c.want, c.reason)
		}
	}
}

// Whatever is within what is held must not grant an action that is not held.
func FuzzWithin(f *testing.F) {
	for _, seed := range [][5]string{{"*", "", "*", "", "a/b"}, {"a/*", "a/b/*", "*", "a/b/c", "a/b/c"}, {"*/read", "", "*", "*/write", "x/read"}, {"a*c", "", "*", "ab*", "abc"}} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	f.Fuzz(func(t *testing.T, wanted, not, held, lacks, action string) {
		w, h := access.Permission{Actions: []string{wanted}, NotActions: []string{not}}, access.Permission{Actions: []string{held}, NotActions: []string{lacks}}
		if !access.Within([]access.Permission{w}, []access.Permission{h}) {
			return
		}
		grants := func(p access.Permission) bool { return access.Role{Permissions: []access.Permission{p}}.Grants(action) }
		if grants(w) && !grants(h) {
			t.Errorf("%q less %q is taken to be within %q less %q, but grants %q", wanted, not, held, lacks, action)
		}
	})
}
