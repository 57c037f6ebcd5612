package dataaction

import "slices"

// Role is one of Azure's built-in roles for what is in a cluster or in a namespace. Its name and what it grants are those of
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
type Role struct {
	Name        string
	DataActions []string
}

// RoleViewer reads what can be worked with, except secrets.
func RoleViewer() Role { return Role{"Azure Arc Kubernetes Viewer", objects("read")} }

// RoleWriter changes what can be worked with, secrets too.
func RoleWriter() Role { return Role{"Azure Arc Kubernetes Writer", objects(anything, "secrets/*")} }

// RoleAdmin is a RoleWriter that hands out roles in namespaces.
func RoleAdmin() Role {
	return Role{"Azure Arc Kubernetes Admin", objects(anything, "secrets/*", rbac+"/rolebindings/*", rbac+"/roles/*", "authorization.k8s.io/localsubjectaccessreviews/write")}
}

// RoleClusterAdmin does everything.
func RoleClusterAdmin() Role {
	return Role{"Azure Arc Kubernetes Cluster Admin", []string{prefix + anything}}
}

// RoleFor returns the least of the roles whose data actions allow a request. Whether the API server lets it through with the Level that
// follows is another matter, except with RoleClusterAdmin.
func RoleFor(r Request) Role {
	for _, one := range []Role{RoleViewer(), RoleWriter(), RoleAdmin()} {
		if Allows([]Grant{{DataActions: one.DataActions}}, r) {
			return one
		}
	}
	return RoleClusterAdmin()
}

// objects are the data actions of the roles for what is in a cluster: verb on what can be worked with, read
// on what belongs to the cluster's administrators, and what is special to a role.
func objects(verb string, special ...string) []string {
	actions := special
	for _, kind := range []string{
		"apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/statefulsets", "autoscaling/horizontalpodautoscalers",
		"batch/cronjobs", "batch/jobs", "configmaps", "endpoints", "extensions/daemonsets", "extensions/deployments",
		"extensions/ingresses", "extensions/networkpolicies", "extensions/replicasets", "networking.k8s.io/ingresses",
		"networking.k8s.io/networkpolicies", "persistentvolumeclaims", "pods", "policy/poddisruptionbudgets",
		"replicationcontrollers", "serviceaccounts", "services",
	} {
		actions = append(actions, kind+"/"+verb)
	}
	for _, kind := range []string{"apps/controllerrevisions", "events.k8s.io/events", "events", "limitranges", "namespaces", "resourcequotas"} {
		actions = append(actions, kind+"/read")
	}
	for i := range actions {
		actions[i] = prefix + actions[i]
	}
	slices.Sort(actions)
	return actions
}
