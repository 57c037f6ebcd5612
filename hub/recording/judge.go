package recording

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead/hub/audit"
)

// verdict is what becomes of a request to a cluster whose sessions are recorded.
type verdict int

const (
	pass verdict = iota
	record
	refuse
)

// judge says whether a request opens a session. What goes through unrecorded is named here; whatever else asks for an upgrade,
// or runs a command by way of a node, is refused.
func judge(asked audit.Asked, s Session) verdict {
	switch {
	case runs(asked, s.URL.Path):
		return refuse
	case s.Upgrade == "":
		return pass
	case session(asked):
		return record
	case carries(asked), asked.Verb == "watch", asked.Subresource == "log" && asked.Resource == "pods" && asked.APIGroup == "":
		return pass
	default:
		return refuse
	}
}

// session reports whether a request is for a shell, or something like it, in a container.
func session(asked audit.Asked) bool {
	return asked.APIGroup == "" && asked.Resource == "pods" && (asked.Subresource == "exec" || asked.Subresource == "attach")
}

// carries reports whether a request opens a connection to what listens in a pod: there is nothing to be shown.
func carries(asked audit.Asked) bool {
	return asked.APIGroup == "" && (asked.Resource == "pods" && (asked.Subresource == "portforward" || asked.Subresource == "proxy") ||
		asked.Resource == "services" && asked.Subresource == "proxy")
}

// runs reports whether a request reaches those paths of a node's kubelet that run commands, with an upgrade or without.
func runs(asked audit.Asked, path string) bool {
	if asked.Resource != "nodes" || asked.Subresource != "proxy" {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if slices.Contains([]string{"exec", "attach", "run", "cri", "portforward", "portForward"}, segment) {
			return true
		}
	}
	return false
}
