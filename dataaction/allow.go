package dataaction

import "strings"

// Level is the least of Kubernetes' own roles that is enough for a request which data actions allow.
type Level int

// The levels. Refused leaves a request to the cluster's own RBAC.
const (
	Refused Level = iota
	View
	Edit
	Admin
	ClusterAdmin
)

// String returns the name of the ClusterRole.
func (l Level) String() string {
	return [...]string{"refused", "view", "edit", "admin", "cluster-admin"}[l]
}

// Allows reports whether one of the grants allows a request.
func Allows(grants []Grant, r Request) bool { return LevelOf(grants, r) != Refused }

// LevelOf returns with which of Kubernetes' roles a request may be made that the grants allow.
//
// Whoever is granted everything, in the cluster or in the namespace of the request, makes it as cluster-admin. All others
// get a role that cannot be used for more than the one request: a read changes nothing and is checked by the API server as
// the very read that was granted, so it may be made with any role; what changes something is made with edit, and with
// admin only to write roles and their bindings, and then only by those who may bind or escalate roles there, because
// the API server lets an admin hand out everything that admins have.
func LevelOf(grants []Grant, r Request) Level {
	switch {
	case everything(grants, r.Namespace):
		return ClusterAdmin
	case r.Resource == "" || !allows(grants, r):
		return Refused
	case r.reads():
		return reading(r)
	case r.Group == rbac:
		return handingOut(grants, r)
	case r.Resource == "localsubjectaccessreviews":
		return Admin
	default:
		return Edit
	}
}

const rbac = "rbac.authorization.k8s.io"

// handingOut is the level of a request that writes or deletes roles or bindings.
func handingOut(grants []Grant, r Request) Level {
	verb := map[string]string{"rolebindings": "bind", "roles": "escalate"}[r.Resource]
	if verb == "" || !allows(grants, Request{Verb: verb, Namespace: r.Namespace, Group: rbac, Resource: "roles"}) {
		return Refused
	}
	return Admin
}

// reading is the least role that is known to read something; what none of the lower ones reads takes the highest.
func reading(r Request) Level {
	switch {
	case r.wide():
		return View
	case r.Group == rbac && (r.Resource == "roles" || r.Resource == "rolebindings"):
		return Admin
	case r.Group == "" && r.Resource == "secrets":
		return Edit
	case viewed(r.Group, r.Resource):
		return View
	default:
		return ClusterAdmin
	}
}

// viewed reports whether Kubernetes' role view reads a resource.
func viewed(group, resource string) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "extensions", "policy", "networking.k8s.io", "discovery.k8s.io", "events.k8s.io":
	default:
		return false
	}
	switch resource {
	case "configmaps", "endpoints", "persistentvolumeclaims", "pods", "replicationcontrollers", "serviceaccounts", "services", "bindings", "events",
		"limitranges", "namespaces", "resourcequotas", "controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets",
		"horizontalpodautoscalers", "cronjobs", "jobs", "ingresses", "networkpolicies", "poddisruptionbudgets", "endpointslices":
		return true
	}
	return false
}

// everything reports whether one grant allows all there is in a namespace, or in the cluster.
func everything(grants []Grant, namespace string) bool {
	for _, grant := range grants {
		if !grant.covers(namespace) || len(grant.NotDataActions) > 0 {
			continue
		}
		for _, pattern := range grant.DataActions {
			if pattern == anything || strings.EqualFold(pattern, prefix+anything) {
				return true
			}
		}
	}
	return false
}

func allows(grants []Grant, r Request) bool {
	action := Action(r)
	for _, grant := range grants {
		if grant.covers(r.Namespace) && matchesAny(grant.DataActions, action) && !grant.excepts(r, action) {
			return true
		}
	}
	return false
}

func (g Grant) covers(namespace string) bool {
	return g.Namespace == "" || g.Namespace == namespace
}

// excepts reports whether a grant leaves an action out. Of a request for several things at once nobody knows which.
func (g Grant) excepts(r Request, action string) bool {
	return len(g.NotDataActions) > 0 && (r.wide() || matchesAny(g.NotDataActions, action))
}

func matchesAny(patterns []string, action string) bool {
	for _, pattern := range patterns {
		if matches(pattern, action) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern in which * stands for any text is an action, in any case.
func matches(pattern, action string) bool {
	head, rest, wild := strings.Cut(pattern, anything)
	if !wild {
		return strings.EqualFold(pattern, action)
	}
	if len(action) < len(head) || !strings.EqualFold(action[:len(head)], head) {
		return false
	}
	action = action[len(head):]
	for {
		part, more, again := strings.Cut(rest, anything)
		if !again {
			return len(action) >= len(part) && strings.EqualFold(action[len(action)-len(part):], part)
		}
		at := indexFold(action, part)
		if at < 0 {
			return false
		}
		action, rest = action[at+len(part):], more
	}
}

// indexFold is strings.Index in any case, of ASCII.
func indexFold(text, part string) int {
	for i := 0; i+len(part) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}
