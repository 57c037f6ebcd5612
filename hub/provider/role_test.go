package provider_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
)

const (
	definitions = "/providers/Microsoft.Authorization/roleDefinitions"
	captain     = "/cccccccc-0000-4000-8000-000000000001"
	third       = "/aaaaaaaa-0000-4000-8000-000000000003"
	readCluster = "Microsoft.Kubernetes/connectedClusters/read"
)

// roleBody is a custom role; actions and scopes are given as they stand in JSON, without quotes and separated by blanks.
func roleBody(name, actions, scopes string) string {
	return fmt.Sprintf(`{"properties":{"roleName":%q,"type":"CustomRole","description":"d","assignableScopes":%s,"permissions":[{"actions":%s,"notActions":[]}]}}`,
		name, jsonList(scopes), jsonList(actions))
}

func jsonList(words string) string {
	return `["` + strings.Join(strings.Fields(words), `","`) + `"]`
}

func TestRoleDefinitions(t *testing.T) {
	b := twoGroups(t)
	if got := b.do("GET", subscription+definitions+v2022, "").names(); len(got) != len(access.Roles()) {
		t.Errorf("%v", got)
	}
	if got := b.do("GET", group+definitions+v2022+"&$filter=roleName%20eq%20'reader'", "").names(); !slices.Equal(got, []string{access.Reader}) {
		t.Errorf("%v", got)
	}
	one := subscription + definitions + "/" + access.Owner + v2022
	b.doAs(person, "GET", one, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("PUT", group+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	b.doAs(person, "GET", one, "").want(http.StatusOK).has("properties.roleName", "Owner", "properties.type", "BuiltInRole",
		"id", subscription+definitions+"/"+access.Owner, "properties.assignableScopes", `["/"]`)
	b.do("GET", definitions+"/"+access.ArcViewer+v2022, "").want(http.StatusOK).has("id", definitions+"/"+access.ArcViewer)
	b.do("GET", subscription+definitions+captain+v2022, "").refused(http.StatusNotFound, "RoleDefinitionDoesNotExist")
	b.do("PUT", one, roleBody("Mine", "*/read", group)).refused(http.StatusForbidden, "BuiltInRoleUpdateNotAllowed")
	b.do("DELETE", one, "").refused(http.StatusForbidden, "BuiltInRoleUpdateNotAllowed")
	b.do("POST", one, "{}").refused(http.StatusMethodNotAllowed, "MethodNotAllowed")
}

func TestCustomRoleLifeCycle(t *testing.T) {
	b := twoGroups(t)
	id := group + definitions + captain + v2022
	b.do("PUT", id, roleBody("Captain", readCluster, group)).want(http.StatusCreated).has("properties.type", "CustomRole", "properties.roleName", "Captain",
		"id", subscription+definitions+captain, "properties.permissions", `[{"actions":["`+readCluster+`"],"dataActions":[],"notActions":[],"notDataActions":[]}]`)
	given := strings.Replace(assignment(access.Reader), access.Reader, strings.TrimPrefix(captain, "/"), 1)
	b.do("PUT", other+roles+first+v2022, given).refused(http.StatusNotFound, "RoleDefinitionDoesNotExist")
	b.do("PUT", group+roles+first+v2022, given).want(http.StatusCreated)
	b.doAs(person, "GET", edge+version, "").want(http.StatusOK)
	b.doAs(person, "GET", group, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "GET", subscription, "").want(http.StatusOK) // whoever has a role in it can sign in and find it

	b.do("DELETE", id, "").refused(http.StatusConflict, "RoleDefinitionHasAssignments")
	b.do("PUT", id, roleBody("Captain", readCluster, other)).refused(http.StatusConflict, "RoleDefinitionHasAssignments")
	b.do("PUT", id, roleBody("Captain", "Microsoft.Resources/*/read", group+" "+other)).want(http.StatusCreated)
	b.doAs(person, "GET", edge+version, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "GET", group, "").want(http.StatusOK)

	b.do("PUT", group+definitions+strings.Replace(captain, "1", "2", 1)+v2022, roleBody("captain", readCluster, group)).
		refused(http.StatusConflict, "RoleDefinitionWithSameNameExists")
	b.do("PUT", group+definitions+strings.Replace(captain, "1", "2", 1)+v2022, roleBody("OWNER", readCluster, group)).
		refused(http.StatusConflict, "RoleDefinitionWithSameNameExists")
	b.do("DELETE", group+roles+first+v2022, "").want(http.StatusOK)
	b.do("DELETE", id, "").want(http.StatusOK).has("properties.roleName", "Captain")
	b.do("DELETE", id, "").want(http.StatusNoContent)
	b.do("GET", id, "").refused(http.StatusNotFound, "RoleDefinitionDoesNotExist")
}

func TestCustomRolesAreSeenWhereTheyCanBeGiven(t *testing.T) {
	b := twoGroups(t)
	b.do("PUT", group+definitions+captain+v2022, roleBody("Captain", readCluster, group)).want(http.StatusCreated)
	const custom = "&$filter=type%20eq%20'CustomRole'"
	name := []string{strings.TrimPrefix(captain, "/")}
	for path, want := range map[string][]string{
		group + definitions + v2022 + custom: name, edge + definitions + v2022 + custom: name, other + definitions + v2022 + custom: {},
		subscription + definitions + v2022 + custom:                                {},
		subscription + definitions + v2022 + custom + "%20and%20atScopeAndBelow()": name,
	} {
		if got := b.do("GET", path, "").names(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	b.do("PUT", other+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	if got := b.doAs(person, "GET", subscription+definitions+v2022+custom+"%20and%20atScopeAndBelow()", "").names(); len(got) > 0 {
		t.Errorf("a reader of another group sees %v", got)
	}
}

func TestCustomRoleRefusals(t *testing.T) {
	b := twoGroups(t)
	const id = group + definitions + captain + v2022
	cases := map[string]struct{ reason, body, code string }{
		"NoName":       {"a role is found by it", roleBody("", readCluster, group), "RoleDefinitionNameNullOrEmpty"},
		"LongName":     {"as Azure bounds it", roleBody(strings.Repeat("n", 513), readCluster, group), "RoleDefinitionNameNullOrEmpty"},
		"NoScopes":     {"it could be given nowhere", `{"properties":{"roleName":"R","permissions":[{"actions":["*"]}]}}`, "MissingAssignableScopes"},
		"Root":         {"only built-in roles are for all", roleBody("R", readCluster, "/"), "InvalidAssignableScope"},
		"NoSuchScope":  {"a slip of the pen", roleBody("R", readCluster, subscription+"/resourceGroups/none"), "InvalidAssignableScope"},
		"NoAction":     {"one word is none", roleBody("R", "read", group), "InvalidActionOrNotAction"},
		"OddAction":    {"nor are other signs", roleBody("R", "Microsoft.Kubernetes/?", group), "InvalidActionOrNotAction"},
		"Type":         {"nobody makes built-in roles", strings.Replace(roleBody("R", readCluster, group), "CustomRole", "BuiltInRole", 1), "InvalidRoleDefinitionType"},
		"Condition":    {"it would be ignored", strings.Replace(roleBody("R", readCluster, group), `"notActions":[]`, `"condition":"x","conditionVersion":"2.0"`, 1), "ConditionsNotSupported"},
		"Permissions":  {"nothing to grant", `{"properties":{"roleName":"R","assignableScopes":["` + group + `"]}}`, "RoleDefinitionPermissionsMissing"},
		"WrongKind":    {"lists are lists", `{"properties":{"roleName":"R","assignableScopes":"x"}}`, "InvalidRequestContent"},
		"TooManyWords": {"bounded", roleBody("R", strings.Repeat(readCluster+" ", 1001), group), "InvalidActionOrNotAction"},
	}
	for name, c := range cases {
		if got := b.do("PUT", id, c.body); got.status != http.StatusBadRequest && got.status != http.StatusForbidden || got.document.Text("error.code") != c.code {
			t.Errorf("%s (%s): %d %v", name, c.reason, got.status, got.document)
		}
	}
	b.do("PUT", group+definitions+"/captain"+v2022, roleBody("R", readCluster, group)).refused(http.StatusBadRequest, "InvalidRoleDefinitionId")
	b.do("PUT", id, roleBody("R", strings.Repeat("a", 200<<10)+"/read", group)).refused(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
}

// Whoever may write roles but not assign them must not become more than they are.
func TestRolesCannotBeUsedToClimb(t *testing.T) {
	b := twoGroups(t)
	const author = "Microsoft.Authorization/roleDefinitions/*"
	id := group + definitions + captain + v2022
	b.do("PUT", id, roleBody("Author", author+" "+readCluster, group)).want(http.StatusCreated)
	b.do("PUT", group+roles+first+v2022, strings.Replace(assignment(access.Reader), access.Reader, strings.TrimPrefix(captain, "/"), 1)).want(http.StatusCreated)
	mine := func(actions, scopes string) answer {
		return b.doAs(person, "PUT", id, roleBody("Author", actions, scopes))
	}
	mine("*", group).refused(http.StatusForbidden, "AuthorizationFailed")
	mine(author+" Microsoft.Kubernetes/*", group).refused(http.StatusForbidden, "AuthorizationFailed")
	mine(author+" "+readCluster, group+" "+other).refused(http.StatusForbidden, "AuthorizationFailed")
	mine("Microsoft.Authorization/roleDefinitions/read", group).want(http.StatusCreated)
	mine(author, group).refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "PUT", group+roles+second+v2022, assignment(access.Owner)).refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "DELETE", id, "").refused(http.StatusForbidden, "AuthorizationFailed")
}

func TestAssignmentCodes(t *testing.T) {
	b := twoGroups(t)
	path := group + roles + third + v2022
	with := func(more string) string {
		return strings.Replace(assignment(access.Reader), `"principalId"`, more+`,"principalId"`, 1)
	}
	b.do("PUT", path, with(`"principalType":"User"`)).refused(http.StatusBadRequest, "UnmatchedPrincipalType")
	b.do("PUT", path, with(`"condition":"@Resource[x] eq 1"`)).refused(http.StatusBadRequest, "ConditionsNotSupported")
	b.do("PUT", path, with(`"condition":null,"description":"why","principalType":"serviceprincipal"`)).want(http.StatusCreated).
		has("properties.description", "why", "properties.principalType", "ServicePrincipal")
	for filter, want := range map[string]int{"principalType%20eq%20'serviceprincipal'": 2, "principalType%20eq%20'User'": 0} {
		if got := b.do("GET", group+roles+v2022+"&$filter="+filter, "").names(); len(got) != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestPermissionsAndDenials(t *testing.T) {
	b := twoGroups(t)
	const permissions = "/providers/Microsoft.Authorization/permissions"
	count := func(who, scope string) int {
		held, _ := b.doAs(who, "GET", scope+permissions+v2022, "").want(http.StatusOK).document["value"].([]any)
		return len(held)
	}
	if got := count(person, edge); got != 0 {
		t.Errorf("a stranger holds %d permissions", got)
	}
	b.do("PUT", group+roles+first+v2022, assignment(access.Contributor)).want(http.StatusCreated)
	if count(person, edge) != 1 || count(person, other) != 0 || count(owner, subscription) != 1 {
		t.Error("permissions are not those of the scope")
	}
	b.doAs("", "GET", edge+permissions+v2022, "").refused(http.StatusUnauthorized, "AuthenticationFailed")
	b.do("PUT", edge+permissions+"/x"+v2022, "{}").refused(http.StatusMethodNotAllowed, "MethodNotAllowed")
	const denials = "/providers/Microsoft.Authorization/denyAssignments"
	if got := b.doAs(person, "GET", group+denials+v2022, "").names(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	b.doAs(person, "GET", other+denials+v2022, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("GET", group+denials+captain+v2022, "").refused(http.StatusNotFound, "DenyAssignmentNotFound")
	b.do("PUT", group+denials+captain+v2022, "{}").refused(http.StatusMethodNotAllowed, "MethodNotAllowed")
}
