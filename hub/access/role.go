package access

import (
	"slices"
	"strings"
)

// Permission is a part of a role: what it grants is Actions less NotActions, and for what is inside a
// resource DataActions less NotDataActions. A * stands for any text, and case does not matter.
type Permission struct {
	Actions        []string `json:"actions"`
	NotActions     []string `json:"notActions"`
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions"`
}

// Role is a role definition. Custom roles can be given on and below their AssignableScopes only; those
// that are built in have none and can be given everywhere.
type Role struct {
	GUID, Name, Description string
	Permissions             []Permission
	Custom                  bool
	AssignableScopes        []string
}

// RoleByGUID returns the built-in role with that GUID, in any case.
func RoleByGUID(guid string) (Role, bool) {
	for _, role := range Roles() {
		if strings.EqualFold(role.GUID, guid) {
			return role, true
		}
	}
	return Role{}, false
}

// Grants reports whether the role by itself allows an action.
func (r Role) Grants(action string) bool {
	return slices.ContainsFunc(r.Permissions, func(p Permission) bool { return matchAny(p.Actions, action) && !matchAny(p.NotActions, action) })
}

// GrantsData reports whether the role by itself allows an action on what is inside a resource.
func (r Role) GrantsData(action string) bool {
	return slices.ContainsFunc(r.Permissions, func(p Permission) bool { return matchAny(p.DataActions, action) && !matchAny(p.NotDataActions, action) })
}

// Assignable reports whether the role may be given on a scope, which is "/" or an id.
func (r Role) Assignable(scope string) bool {
	if !r.Custom {
		return true
	}
	return slices.ContainsFunc(r.AssignableScopes, func(allowed string) bool { return covers(strings.ToLower(allowed), strings.ToLower(scope)) })
}

func matchAny(patterns []string, action string) bool {
	for _, pattern := range patterns {
		if matches(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// matches reports whether action is pattern with any text, slashes too, in place of each star.
func matches(pattern, action string) bool {
	parts := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(action, parts[0])
	if len(parts) == 1 {
		return found && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(rest, part)
		found, rest = found && ok, after
	}
	return found && strings.HasSuffix(rest, parts[len(parts)-1])
}
