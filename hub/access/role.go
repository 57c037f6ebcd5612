package access

import "strings"

// The GUIDs of the built-in roles, which are Azure's.
const (
	Owner         = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	Contributor   = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	Reader        = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	ArcOnboarding = "34e09817-6cbe-4d01-b1a2-e0eac5743d41"
)

// Role is a role definition: what it grants is Actions less NotActions, where * stands for any
// text and case does not matter.
type Role struct {
	GUID, Name, Description string
	Actions, NotActions     []string
}

// Roles returns the built-in roles.
func Roles() []Role {
	return []Role{
		{
			GUID: Owner, Name: "Owner", Actions: []string{"*"},
			Description: "Full access to all resources, including the right to assign roles.",
		},
		{
			GUID: Contributor, Name: "Contributor", Actions: []string{"*"},
			Description: "Full access to all resources, without the right to assign roles.",
			NotActions: []string{
				"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
				"Microsoft.Authorization/elevateAccess/Action",
			},
		},
		{
			GUID: Reader, Name: "Reader", Actions: []string{"*/read"},
			Description: "Sees all resources, changes none.",
		},
		{
			GUID: ArcOnboarding, Name: "Kubernetes Cluster - Azure Arc Onboarding",
			Description: "Connects clusters.",
			Actions: []string{
				"Microsoft.Authorization/*/read", "Microsoft.Insights/alertRules/*",
				"Microsoft.Resources/deployments/write", "Microsoft.Resources/subscriptions/operationresults/read",
				"Microsoft.Resources/subscriptions/read", "Microsoft.Resources/subscriptions/resourceGroups/read",
				"Microsoft.Kubernetes/connectedClusters/Write", "Microsoft.Kubernetes/connectedClusters/read",
				"Microsoft.Support/*",
			},
		},
	}
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
	return matchAny(r.Actions, action) && !matchAny(r.NotActions, action)
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
