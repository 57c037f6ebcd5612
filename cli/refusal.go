package cli

import (
	"regexp"
	"strings"
)

// clusterUser is the role that lets people reach clusters through the hub.
const clusterUser = "Azure Arc Enabled Kubernetes Cluster User Role"

// refusedAction finds in the hub's words who may not do what where. Before them stands a name that anybody may choose, so the last
// match counts.
var refusedAction = regexp.MustCompile(`(?s)^.*with object id '([0-9A-Za-z-]+)' does not have authorization to perform action '([^']+)' over scope '([^']+)'`)

// roleHint says which role to ask for, when it is a role that the hub misses: much else is forbidden, and no role changes that.
func roleHint(message string) string {
	found := refusedAction.FindStringSubmatch(message)
	if found == nil {
		return ""
	}
	text := askFor(found[1], roleFor(found[2]), found[3])
	if above := parentScope(found[3]); above != "" && strings.HasSuffix(found[2], "/write") {
		text += "\n       or, as long as there is no such thing yet, for the same with --scope " + quoted(above)
	}
	return text
}

// parentScope is where a role has to be given for something that is to be made: the group, cluster or subscription that it will be in.
func parentScope(scope string) string {
	lower := strings.ToLower(scope)
	for _, part := range []string{"/providers/", "/resourcegroups/"} {
		if at := strings.LastIndex(lower, part); at > 0 {
			return scope[:at]
		}
	}
	return ""
}

// askFor is what somebody who may give roles has to type.
func askFor(assignee, role, scope string) string {
	return "ask an owner for: fairlead role assignment create --assignee " + quoted(assignee) + ` --role "` + role + `" --scope ` + quoted(scope)
}

// roleFor names the built-in role that grants an action and as little else as possible. The first that fits counts.
func roleFor(action string) string {
	for _, one := range []struct{ pattern, role string }{
		{"*/read", "Reader"},
		{"microsoft.kubernetes/connectedclusters/listclusterusercredential*", clusterUser},
		{"microsoft.kubernetes/connectedclusters/write", "Kubernetes Cluster - Azure Arc Onboarding"},
		{"microsoft.kubernetesconfiguration/extensions/*", "Kubernetes Extension Contributor"},
		{"microsoft.authorization/roleassignments/*", "Role Based Access Control Administrator"},
		{"microsoft.authorization/*", "User Access Administrator"},
	} {
		if grants(one.pattern, strings.ToLower(action)) {
			return one.role
		}
	}
	return "Contributor"
}

// grants reports whether an action is what a pattern says, in which a star at the beginning or the end stands for any text.
func grants(pattern, action string) bool {
	if end, open := strings.CutPrefix(pattern, "*"); open {
		return strings.HasSuffix(action, end)
	}
	if begin, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(action, begin)
	}
	return pattern == action
}
