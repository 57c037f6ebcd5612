package dataaction

import (
	"slices"
	"strings"
)

// prefix begins the names of all data actions in connected clusters.
const prefix = "Microsoft.Kubernetes/connectedClusters/"

// Request is what the API server would be asked for, in its own words: a verb such as list, and either a resource or, for
// what is none, a path.
type Request struct {
	Verb        string
	Namespace   string // empty: of the cluster, or in all namespaces
	Group       string
	Resource    string
	Subresource string
	Path        string // of what is no resource
}

// anything stands for everything in a review of rights.
const anything = "*"

// Action returns the name of the data action that a request needs.
//
// It follows Azure's own mapping, in which reads are get, list and watch, and a subresource counts as its resource. What
// reaches into something that runs is an action or a write even when it begins with a GET, and a subresource that
// nobody here knows is an action of its own: a role that reads is never enough for either.
func Action(r Request) string {
	if r.Resource == "" {
		return prefix + strings.TrimPrefix(r.Path, "/") + "/" + deed(r.Verb)
	}
	name := r.Resource + "/" + deed(r.Verb)
	switch {
	case r.Resource == "pods" && r.Subresource == "exec":
		name = "pods/exec/action"
	case slices.Contains(reaching(), r.Subresource):
		name = r.Resource + "/write"
	case r.Subresource != "" && !slices.Contains(harmless(), r.Subresource):
		name = r.Resource + "/" + r.Subresource + "/action"
	}
	if r.Group != "" {
		name = r.Group + "/" + name
	}
	return prefix + name
}

// reaching are the subresources by which one acts inside, whatever the verb.
func reaching() []string { return []string{"exec", "attach", "portforward", "proxy"} }

// harmless are the subresources for which the resource's own verb says enough.
func harmless() []string {
	return []string{
		"status", "scale", "log", "eviction", "binding", "ephemeralcontainers", "resize", "token", "finalize", "approval",
	}
}

// deed is what Azure calls a verb.
func deed(verb string) string {
	switch verb {
	case "get", "list", "watch":
		return "read"
	case "create", "update", "patch":
		return "write"
	case "delete", "deletecollection":
		return "delete"
	case anything:
		return anything
	default:
		return verb + "/action"
	}
}

// reads reports whether a request changes nothing and reaches into nothing.
func (r Request) reads() bool { return strings.HasSuffix(Action(r), "/read") }

// wide reports whether a request asks for more than one thing at once, as reviews of rights may.
func (r Request) wide() bool {
	return r.Verb == anything || r.Group == anything || r.Resource == anything || r.Subresource == anything
}
