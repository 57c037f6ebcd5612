package snapshot

import (
	"fmt"
	"slices"
)

// Need is one thing that a check reads. The zero Namespace means everywhere; Name narrows to one object, which is
// then read with get instead of list.
type Need struct {
	Resource  Resource `json:"resource"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name,omitempty"`
}

// Everywhere needs a resource in all namespaces, or a resource that has none.
func Everywhere(resource Resource) Need { return Need{Resource: resource} }

// In needs a resource in one namespace.
func In(namespace string, resource Resource) Need {
	return Need{Resource: resource, Namespace: namespace}
}

// One needs one object.
func One(namespace string, resource Resource, name string) Need {
	return Need{Resource: resource, Namespace: namespace, Name: name}
}

// Verb is what the caller has to be allowed.
func (n Need) Verb() string {
	switch {
	case n.Resource == Trials:
		return "create"
	case n.Name != "" || n.Resource == Payloads || n.Resource == Certificates || n.Resource == Logs:
		return "get"
	}
	return "list"
}

// Plural is the resource whose verb is needed, as RBAC names it.
func (n Need) Plural() string {
	switch n.Resource {
	case Releases, Payloads, Certificates:
		return string(Secrets)
	case ProbeFromPod, ProbeFromNode, Trials:
		return string(Pods)
	default:
		return string(n.Resource)
	}
}

// String says it for people: "list pods in azure-arc".
func (n Need) String() string {
	text := n.Verb() + " " + n.Plural()
	if n.Name != "" {
		text += "/" + n.Name
	}
	if n.Namespace != "" {
		text += " in " + n.Namespace
	}
	return text
}

// Coverage says how much of a resource could be read.
type Coverage struct {
	// Served is false when the API server does not know the resource: then there are no such objects.
	Served bool `json:"served"`
	// All is true when every namespace was read.
	All bool `json:"all"`
	// Namespaces are those that were read when not all were.
	Namespaces []string `json:"namespaces,omitempty"`
	// Names are single objects, namespace/name, that were asked for and answered (there or not).
	Names []string `json:"names,omitempty"`
	Gaps  []Gap    `json:"gaps,omitempty"`
}

// Gap is something that could not be read, and why.
type Gap struct {
	Need   Need   `json:"need"`
	Reason string `json:"reason"` // forbidden, timeout or failed
	Detail string `json:"detail,omitempty"`
}

// The reasons of gaps.
const (
	Forbidden = "forbidden"
	TimedOut  = "timeout"
	Failed    = "failed"
	NotAsked  = "notAsked" // nobody asked, so nobody knows
)

func (g Gap) String() string {
	if g.Reason == Forbidden {
		return g.Need.String()
	}
	return fmt.Sprintf("%s (%s: %s)", g.Need, g.Reason, g.Detail)
}

// Missing returns the gap that keeps a need from being answered in full, and whether there is one.
func (s *Snapshot) Missing(n Need) (Gap, bool) {
	c := s.Coverage[n.Resource]
	switch {
	case c == nil:
		return Gap{Need: n, Reason: NotAsked}, true
	case !c.Served || c.covers(n):
		return Gap{}, false
	}
	for _, gap := range c.Gaps {
		if gap.Need.Namespace == n.Namespace && (gap.Need.Name == n.Name || gap.Need.Name == "") {
			return Gap{Need: n, Reason: gap.Reason, Detail: gap.Detail}, true
		}
	}
	for _, gap := range c.Gaps {
		if n.Namespace == "" || gap.Need.Namespace == "" {
			return Gap{Need: n, Reason: gap.Reason, Detail: gap.Detail}, true
		}
	}
	return Gap{Need: n, Reason: NotAsked}, true
}

func (c *Coverage) covers(n Need) bool {
	if c.All || n.Namespace != "" && slices.Contains(c.Namespaces, n.Namespace) {
		return true
	}
	return n.Name != "" && slices.Contains(c.Names, n.Namespace+"/"+n.Name)
}

// Partly reports whether at least something of a need was read.
func (s *Snapshot) Partly(n Need) bool {
	c := s.Coverage[n.Resource]
	if c == nil {
		return false
	}
	return !c.Served || c.covers(n) || n.Namespace == "" && len(c.Namespaces) > 0
}

// Known reports whether a need was answered in full.
func (s *Snapshot) Known(n Need) bool {
	_, missing := s.Missing(n)
	return !missing
}
