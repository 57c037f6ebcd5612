package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

const (
	person = "9e500000-0000-4000-8000-000000000004"
	other  = subscription + "/resourceGroups/other"
	roles  = "/providers/Microsoft.Authorization/roleAssignments"
	v2022  = "?api-version=2022-04-01"
	first  = "/aaaaaaaa-0000-4000-8000-000000000001"
	second = "/aaaaaaaa-0000-4000-8000-000000000002"
)

// twoGroups has a cluster in each of two groups, and a person without any role.
func twoGroups(t *testing.T) *bench {
	t.Helper()
	b := start(t)
	body := clusterBody(onboardingKey(t, 2048))
	b.do("PUT", other, `{"location":"local"}`).want(http.StatusCreated)
	b.do("PUT", edge+version, body).want(http.StatusCreated)
	b.do("PUT", other+"/providers/Microsoft.Kubernetes/connectedClusters/far"+version, body).want(http.StatusCreated)
	err := b.db.CreatePrincipal(t.Context(), store.Principal{ObjectID: person, AppID: "app", TenantID: tenant, Kind: store.ServicePrincipal})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func assignment(role string) string {
	return `{"properties":{"roleDefinitionId":"` + access.RoleID("x", role) + `","principalId":"` + person + `"}}`
}

func TestStrangersSeeNothing(t *testing.T) {
	b := twoGroups(t)
	list := "/providers/Microsoft.Kubernetes/connectedClusters" + version
	for _, path := range []string{
		edge + version, group, other, subscription, subscription + list, group + list, subscription + "/resourceGroups",
		subscription + "/locations", subscription + "/providers", subscription + roles + v2022, clusters + "/absent" + version,
	} {
		b.doAs(person, "GET", path, "").refused(http.StatusForbidden, "AuthorizationFailed")
		b.doAs("", "GET", path, "").refused(http.StatusUnauthorized, "AuthenticationFailed")
	}
	if got := b.doAs(person, "GET", "/subscriptions", "").names(); len(got) > 0 {
		t.Errorf("subscriptions: %v", got)
	}
	b.doAs(person, "HEAD", group, "").want(http.StatusForbidden)
	b.doAs(person, "PUT", edge+version, `{}`).refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "DELETE", group, "").refused(http.StatusForbidden, "AuthorizationFailed")
}

func TestReaderOfOneGroupSeesThatGroupOnly(t *testing.T) {
	b := twoGroups(t)
	b.do("PUT", group+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	list := "/providers/Microsoft.Kubernetes/connectedClusters" + version
	for path, want := range map[string][]string{
		subscription + list: {"edge-1"}, group + list: {"edge-1"}, subscription + "/resourceGroups": {"shops"},
	} {
		if got := b.doAs(person, "GET", path, "").names(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	b.doAs(person, "GET", edge+version, "").want(http.StatusOK)
	b.doAs(person, "GET", subscription, "").want(http.StatusOK)
	b.doAs(person, "GET", other, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "GET", other+list, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "PATCH", edge+version, `{"tags":{}}`).refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("DELETE", group+roles+first+v2022, "").want(http.StatusOK)
	b.doAs(person, "GET", edge+version, "").refused(http.StatusForbidden, "AuthorizationFailed")
}

func TestRolesBoundWhatCallersMayDo(t *testing.T) {
	body := clusterBody(onboardingKey(t, 2048))
	cases := map[string]struct {
		reason, role, method, path, body string
		status                           int
	}{
		"OnboardingConnects":      {"that is what it is for", access.ArcOnboarding, "PUT", clusters + "/new" + version, body, 201},
		"OnboardingSeesProviders": {"connect asks for them first", access.ArcOnboarding, "GET", subscription + "/providers/Microsoft.Kubernetes", "", 200},
		"OnboardingDeletesNot":    {"deleting needs more", access.ArcOnboarding, "DELETE", edge + version, "", 403},
		"OnboardingMakesNoGroup":  {"nor groups", access.ArcOnboarding, "PUT", subscription + "/resourceGroups/new", `{"location":"local"}`, 403},
		"ContributorDeletes":      {"all of its group", access.Contributor, "DELETE", edge + version, "", 200},
		"ContributorRegisters":    {"but nothing above it", access.Contributor, "POST", subscription + "/providers/Microsoft.Kubernetes/register", "", 403},
		"ContributorAssignsNot":   {"roles are the owner's", access.Contributor, "PUT", group + roles + second + v2022, assignment(access.Reader), 403},
		"OwnerAssigns":            {"on and below its scope", access.Owner, "PUT", edge + roles + second + v2022, assignment(access.Reader), 201},
		"OwnerAssignsNotAbove":    {"not above", access.Owner, "PUT", subscription + roles + second + v2022, assignment(access.Reader), 403},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := twoGroups(t)
			b.do("PUT", group+roles+first+v2022, assignment(c.role)).want(http.StatusCreated)
			if got := b.doAs(person, c.method, c.path, c.body); got.status != c.status {
				t.Errorf("status %d, want %d (%s): %v", got.status, c.status, c.reason, got.document)
			}
		})
	}
}

func TestRoleAssignmentLifeCycle(t *testing.T) {
	b := twoGroups(t)
	id := group + roles + first
	b.do("PUT", id+v2022, assignment(access.Reader)).want(http.StatusCreated).has(
		"id", id, "type", "Microsoft.Authorization/roleAssignments", "properties.scope", group, "properties.principalId", person,
		"properties.principalType", "ServicePrincipal", "properties.provisioningState", "",
		"properties.roleDefinitionId", access.RoleID(strings.TrimPrefix(subscription, "/subscriptions/"), access.Reader))
	b.do("PUT", id+v2022, assignment(access.Reader)).want(http.StatusOK)
	b.do("PUT", id+v2022, assignment(access.Owner)).refused(http.StatusConflict, "RoleAssignmentUpdateNotPermitted")
	b.do("PUT", group+roles+second+v2022, assignment(access.Reader)).refused(http.StatusConflict, "RoleAssignmentExists")
	b.do("PUT", group+roles+"/no-guid"+v2022, assignment(access.Owner)).refused(http.StatusBadRequest, "InvalidResourceName")
	b.do("PUT", group+roles+second+v2022, assignment("no-role")).refused(http.StatusNotFound, "RoleDefinitionDoesNotExist")
	b.do("PUT", group+roles+second+v2022, strings.Replace(assignment(access.Owner), person, "nobody", 1)).
		refused(http.StatusBadRequest, "PrincipalNotFound")
	b.do("PUT", group+roles+second+v2022, `{}`).refused(http.StatusNotFound, "RoleDefinitionDoesNotExist")
	b.do("PUT", roles+second+v2022, assignment(access.Reader)).want(http.StatusCreated).has("properties.scope", "/", "id", roles+second)
	b.do("GET", roles+second+v2022, "").want(http.StatusOK)
	b.do("DELETE", roles+second+v2022, "").want(http.StatusOK)
	b.do("DELETE", id+v2022, "").want(http.StatusOK)
	b.do("DELETE", id+v2022, "").want(http.StatusNoContent)
	b.do("GET", id+v2022, "").refused(http.StatusNotFound, "ResourceNotFound")
}

func TestLastOwnerStays(t *testing.T) {
	b := twoGroups(t)
	names := b.do("GET", roles+v2022+"&$filter=principalId%20eq%20'"+owner+"'", "").names()
	if len(names) != 1 {
		t.Fatalf("%v", names)
	}
	mine := roles + "/" + names[0] + v2022
	b.do("DELETE", mine, "").refused(http.StatusConflict, "Conflict")
	b.do("PUT", group+roles+first+v2022, assignment(access.Owner)).want(http.StatusCreated)
	b.do("DELETE", mine, "").refused(http.StatusConflict, "Conflict")
	b.do("PUT", roles+second+v2022, assignment(access.Owner)).want(http.StatusCreated)
	b.do("DELETE", mine, "").want(http.StatusOK)
	b.do("GET", group, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs(person, "GET", group, "").want(http.StatusOK)
}

func TestRoleAssignmentLists(t *testing.T) {
	b := twoGroups(t)
	b.do("PUT", subscription+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	b.do("PUT", edge+roles+second+v2022, assignment(access.Owner)).want(http.StatusCreated)
	above, below := strings.TrimPrefix(first, "/"), strings.TrimPrefix(second, "/")
	byPerson := "&$filter=principalId%20eq%20'" + person + "'"
	cases := map[string]struct {
		path string
		want []string
	}{
		"OnAboveAndBelow":    {group + roles + v2022 + byPerson, []string{above, below}},
		"NotBelow":           {group + roles + v2022 + byPerson + "%20and%20atScope()", []string{above}},
		"AtTheClusterItself": {edge + roles + v2022 + byPerson, []string{above, below}},
		"Elsewhere":          {other + roles + v2022 + byPerson, []string{above}},
		"AssignedTo":         {subscription + roles + v2022 + "&$filter=assignedTo('" + person + "')", []string{above, below}},
		"Nobody":             {subscription + roles + v2022 + "&$filter=principalId%20eq%20''", []string{}},
	}
	for name, c := range cases {
		got := b.do("GET", c.path, "").names()
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	b.do("GET", group+roles+v2022+"&$filter=nonsense", "").refused(http.StatusBadRequest, "UnsupportedQuery")
	if got := b.do("GET", roles+v2022, "").names(); len(got) != 3 { // with the administrator's
		t.Errorf("at the root: %v", got)
	}
}

// Roles may be given for one namespace of a cluster, which the hub does not keep. Nothing else may be made up so.
func TestARoleForANamespace(t *testing.T) {
	b := twoGroups(t)
	b.do("PUT", edge+"/namespaces/shop"+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	b.do("GET", edge+"/namespaces/shop"+roles+first+v2022, "").want(http.StatusOK)
	b.do("GET", strings.ToLower(edge)+"/namespaces/shop"+roles+first+v2022, "").want(http.StatusOK).
		has("properties.scope", edge+"/namespaces/shop", "id", edge+"/namespaces/shop"+roles+first)
	for _, scope := range []string{clusters + "/none/namespaces/shop", edge + "/pods/shop", edge + "/namespaces/shop/pods/p", group + "/providers/Microsoft.Other/things/t/namespaces/shop"} {
		b.do("PUT", scope+roles+second+v2022, assignment(access.Reader)).refused(http.StatusNotFound, "ParentResourceNotFound")
	}
	b.do("DELETE", edge+"/namespaces/shop"+roles+first+v2022, "").want(http.StatusOK)
}
