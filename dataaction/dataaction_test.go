package dataaction_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/dataaction"
)

const prefix = "Microsoft.Kubernetes/connectedClusters/"

// grants are what the built-in roles grant, as the hub has them: the parts of their lists that matter here.
func grants(role, namespace string) []dataaction.Grant {
	kinds := func(verb string, more ...string) []string {
		for _, kind := range []string{"apps/deployments", "batch/jobs", "configmaps", "pods", "serviceaccounts", "services"} {
			more = append(more, kind+"/"+verb)
		}
		more = append(more, "events/read", "namespaces/read", "resourcequotas/read")
		for i := range more {
			more[i] = prefix + more[i]
		}
		return more
	}
	rbac := []string{"secrets/*", "authorization.k8s.io/localsubjectaccessreviews/write", "rbac.authorization.k8s.io/rolebindings/*", "rbac.authorization.k8s.io/roles/*"}
	actions := map[string][]string{
		"viewer": kinds("read"), "writer": kinds("*", "secrets/*"), "admin": kinds("*", rbac...), "clusterAdmin": {prefix + "*"},
	}[role]
	return []dataaction.Grant{{Namespace: namespace, DataActions: actions}}
}

// ask reads "verb group/resource/subresource namespace"; a group is there when there is a dot or it is apps or batch.
func ask(text string) dataaction.Request {
	fields := strings.Fields(text)
	r := dataaction.Request{Verb: fields[0]}
	if strings.HasPrefix(fields[1], "/") {
		r.Path = fields[1]
		return r
	}
	parts := strings.Split(fields[1], "/")
	if strings.Contains(parts[0], ".") || slices.Contains([]string{"apps", "batch"}, parts[0]) {
		r.Group, parts = parts[0], parts[1:]
	}
	r.Resource = parts[0]
	if len(parts) > 1 {
		r.Subresource = parts[1]
	}
	if len(fields) > 2 {
		r.Namespace = fields[2]
	}
	return r
}

func TestActionsHaveAzuresNames(t *testing.T) {
	for asked, want := range map[string]string{
		"get pods shop":                                   "pods/read",
		"list apps/deployments shop":                      "apps/deployments/read",
		"watch secrets":                                   "secrets/read",
		"create pods shop":                                "pods/write",
		"patch apps/deployments/scale shop":               "apps/deployments/write",
		"update pods/status shop":                         "pods/write",
		"deletecollection batch/jobs shop":                "batch/jobs/delete",
		"get pods/log shop":                               "pods/read",
		"create pods/exec shop":                           "pods/exec/action",
		"get pods/exec shop":                              "pods/exec/action",
		"get pods/attach shop":                            "pods/write",
		"get pods/portforward shop":                       "pods/write",
		"get services/proxy shop":                         "services/write",
		"get nodes/proxy":                                 "nodes/write",
		"create pods/eviction shop":                       "pods/write",
		"create serviceaccounts/token shop":               "serviceaccounts/write",
		"patch pods/ephemeralcontainers shop":             "pods/write",
		"bind rbac.authorization.k8s.io/roles shop":       "rbac.authorization.k8s.io/roles/bind/action",
		"escalate rbac.authorization.k8s.io/clusterroles": "rbac.authorization.k8s.io/clusterroles/escalate/action",
		"impersonate users":                               "users/impersonate/action",
		"get subresources.kubevirt.io/vms/console shop":   "subresources.kubevirt.io/vms/console/action",
		"get /healthz":                                    "healthz/read",
		"get /openapi/v2":                                 "openapi/v2/read",
		"approve certificates.k8s.io/signers":             "certificates.k8s.io/signers/approve/action",
	} {
		if got := dataaction.Action(ask(asked)); got != prefix+want {
			t.Errorf("%s needs %s, want %s", asked, got, want)
		}
	}
}

func TestRolesAtLevels(t *testing.T) {
	cases := map[string]struct{ reason, asked, viewer, writer, admin, clusterAdmin string }{
		"Pods":         {"everybody sees pods", "list pods shop", "view", "view", "view", "cluster-admin"},
		"AllPods":      {"in all namespaces with a role on the cluster", "list pods", "view", "view", "view", "cluster-admin"},
		"Log":          {"a log is read", "get pods/log shop", "view", "view", "view", "cluster-admin"},
		"Secrets":      {"a viewer sees no secrets", "get secrets shop", "refused", "edit", "edit", "cluster-admin"},
		"Exec":         {"a viewer is not let in, by GET neither", "get pods/exec shop", "refused", "edit", "edit", "cluster-admin"},
		"Attach":       {"nor by attach", "create pods/attach shop", "refused", "edit", "edit", "cluster-admin"},
		"PortForward":  {"nor by a port", "get pods/portforward shop", "refused", "edit", "edit", "cluster-admin"},
		"PodProxy":     {"nor by the proxy", "get pods/proxy shop", "refused", "edit", "edit", "cluster-admin"},
		"NodeProxy":    {"which at a node is all pods", "get nodes/proxy", "refused", "refused", "refused", "cluster-admin"},
		"Create":       {"a writer writes", "create apps/deployments shop", "refused", "edit", "edit", "cluster-admin"},
		"Token":        {"as any service account, as Azure says", "create serviceaccounts/token shop", "refused", "edit", "edit", "cluster-admin"},
		"Roles":        {"a writer does not even see roles", "list rbac.authorization.k8s.io/roles shop", "refused", "refused", "admin", "cluster-admin"},
		"Bind":         {"an admin hands out what admins have", "create rbac.authorization.k8s.io/rolebindings shop", "refused", "refused", "admin", "cluster-admin"},
		"NewRole":      {"and so in roles", "update rbac.authorization.k8s.io/roles shop", "refused", "refused", "admin", "cluster-admin"},
		"ClusterRoles": {"not for the whole cluster", "create rbac.authorization.k8s.io/clusterrolebindings", "refused", "refused", "refused", "cluster-admin"},
		"Nodes":        {"the cluster's own", "list nodes", "refused", "refused", "refused", "cluster-admin"},
		"Quota":        {"an admin does not change quotas", "update resourcequotas shop", "refused", "refused", "refused", "cluster-admin"},
		"ReadQuota":    {"but sees them", "get resourcequotas shop", "view", "view", "view", "cluster-admin"},
		"Namespace":    {"nor namespaces", "delete namespaces shop", "refused", "refused", "refused", "cluster-admin"},
		"Review":       {"may ask for others in a namespace", "create authorization.k8s.io/localsubjectaccessreviews shop", "refused", "refused", "admin", "cluster-admin"},
		"Path":         {"paths are for who has everything", "get /metrics", "refused", "refused", "refused", "cluster-admin"},
		"PodsAsPath":   {"a path that reads like a kind is none", "get /pods", "refused", "refused", "refused", "cluster-admin"},
		"Unknown":      {"what nobody granted", "get stable.example.org/crontabs shop", "refused", "refused", "refused", "cluster-admin"},
	}
	for name, c := range cases {
		for role, want := range map[string]string{"viewer": c.viewer, "writer": c.writer, "admin": c.admin, "clusterAdmin": c.clusterAdmin} {
			if got := dataaction.LevelOf(grants(role, ""), ask(c.asked)).String(); got != want {
				t.Errorf("%s: %s as %s at %s, want %s: %s", name, c.asked, role, got, want, c.reason)
			}
		}
	}
}

func TestNamespacesAreLimits(t *testing.T) {
	for asked, want := range map[string]string{
		"list pods shop": "cluster-admin", "list pods office": "refused", "list pods": "refused", "get nodes": "refused", "get /metrics": "refused",
		"create rbac.authorization.k8s.io/rolebindings shop": "cluster-admin", "create rbac.authorization.k8s.io/rolebindings office": "refused",
		"get namespaces shop": "cluster-admin", "get namespaces office": "refused",
	} {
		if got := dataaction.LevelOf(grants("clusterAdmin", "shop"), ask(asked)).String(); got != want {
			t.Errorf("%s: %s, want %s", asked, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	cases := map[string]struct {
		reason, pattern, not, asked string
		want                        bool
	}{
		"Case":          {"Azure has no case", "MICROSOFT.kubernetes/ConnectedClusters/Pods/READ", "", "get pods", true},
		"Star":          {"everything", "*", "", "delete nodes", true},
		"Middle":        {"a star stands for any text", prefix + "*/read", "", "get apps/deployments", true},
		"MiddleNot":     {"reads only", prefix + "*/read", "", "delete apps/deployments", false},
		"TwoStars":      {"more than one", "*/connectedClusters/*/read", "", "get pods", true},
		"Empty":         {"nothing is nothing", "", "", "get pods", false},
		"Beginning":     {"the whole name is meant", prefix + "pods", "", "get pods", false},
		"Not":           {"what is left out", prefix + "*", prefix + "secrets/*", "get secrets", false},
		"NotOthers":     {"and nothing else", prefix + "*", prefix + "secrets/*", "get pods", true},
		"NotByAWideAsk": {"nobody knows what is among all", prefix + "*", prefix + "secrets/*", "get *", false},
		"Wide":          {"all of one kind", prefix + "pods/*", "", "* pods", true},
		"WideNot":       {"reading is not all", prefix + "pods/read", "", "* pods", false},
		"Overlap":       {"text is used once", prefix + "pods*pods/read", "", "get pods", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			grant := dataaction.Grant{DataActions: []string{c.pattern}}
			if c.not != "" {
				grant.NotDataActions = []string{c.not}
			}
			if got := dataaction.Allows([]dataaction.Grant{grant}, ask(c.asked)); got != c.want {
				t.Errorf("%v: %s", got, c.reason)
			}
		})
	}
	if dataaction.Allows(nil, ask("get pods")) {
		t.Error("without a grant")
	}
}

// A role of one's own that writes bindings is not one that hands out what admins have.
func TestBindingsNeedMoreThanWriting(t *testing.T) {
	const rbac = prefix + "rbac.authorization.k8s.io/"
	write := dataaction.Grant{DataActions: []string{rbac + "rolebindings/write", rbac + "roles/write", rbac + "clusterrolebindings/*", rbac + "clusterroles/*"}}
	bind := dataaction.Grant{Namespace: "shop", DataActions: []string{rbac + "roles/bind/action"}}
	for _, c := range []struct {
		grants []dataaction.Grant
		asked  string
		want   dataaction.Level
	}{
		{[]dataaction.Grant{write}, "create rbac.authorization.k8s.io/rolebindings shop", dataaction.Refused},
		{[]dataaction.Grant{write, bind}, "create rbac.authorization.k8s.io/rolebindings shop", dataaction.Admin},
		{[]dataaction.Grant{write, bind}, "create rbac.authorization.k8s.io/rolebindings office", dataaction.Refused},
		{[]dataaction.Grant{write, bind}, "create rbac.authorization.k8s.io/roles shop", dataaction.Refused},
		{[]dataaction.Grant{write, bind}, "create rbac.authorization.k8s.io/clusterrolebindings", dataaction.Refused},
	} {
		if got := dataaction.LevelOf(c.grants, ask(c.asked)); got != c.want {
			t.Errorf("%s: %s, want %s", c.asked, got, c.want)
		}
	}
}

func FuzzLevel(f *testing.F) {
	f.Add(prefix+"*/read", "get", "", "pods", "", "shop")
	f.Add("*pods*", "create", "apps", "deployments", "scale", "")
	f.Fuzz(func(t *testing.T, pattern, verb, group, resource, subresource, namespace string) {
		r := dataaction.Request{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace}
		limited := []dataaction.Grant{{Namespace: "other", DataActions: []string{pattern}}}
		if namespace != "other" && dataaction.Allows(limited, r) {
			t.Errorf("a grant in a namespace reaches out of it")
		}
		if !dataaction.Allows([]dataaction.Grant{{DataActions: []string{"*"}}}, r) {
			t.Error("everything is not enough")
		}
		action := dataaction.Action(r)
		if !strings.HasPrefix(action, prefix) {
			t.Errorf("%q", action)
		}
		if resource != "" && !strings.Contains(action, "*") && subresource != "" && group != "rbac.authorization.k8s.io" &&
			dataaction.LevelOf([]dataaction.Grant{{DataActions: []string{action}}}, r) == dataaction.Refused {
			t.Errorf("%q does not allow itself", action)
		}
	})
}
