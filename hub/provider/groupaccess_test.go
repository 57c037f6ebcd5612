package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// A role of a group is the group's own, and each member's by assignedTo and in fact.
func TestRolesOfGroups(t *testing.T) {
	b := twoGroups(t)
	const crew = "9e500000-0000-4000-8000-00000000000a"
	if err := b.db.CreatePrincipal(t.Context(), store.Principal{ObjectID: crew, TenantID: tenant, Kind: store.Group}); err != nil {
		t.Fatal(err)
	}
	if err := b.db.AddMembers(t.Context(), crew, []string{person}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	body := strings.ReplaceAll(assignment(access.Reader), person, crew)
	b.do("PUT", group+roles+first+v2022, body).want(http.StatusCreated).has("properties.principalType", store.Group)
	b.doAs(person, "GET", edge+version, "").want(http.StatusOK)
	name := strings.TrimPrefix(first, "/")
	for filter, want := range map[string][]string{
		"assignedTo('" + person + "')":                                     {name},
		"principalId eq '" + person + "'":                                  {},
		"principalId eq '" + crew + "'":                                    {name},
		"assignedTo('" + person + "') and principalId eq '" + person + "'": {},
		"assignedTo('')":                                                   {},
	} {
		got := b.do("GET", group+roles+v2022+"&$filter="+strings.ReplaceAll(filter, " ", "%20"), "").names()
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
	if err := b.db.RemoveMember(t.Context(), crew, person); err != nil {
		t.Fatal(err)
	}
	b.doAs(person, "GET", edge+version, "").refused(http.StatusForbidden, "AuthorizationFailed")
}

// A group that owns the root may be emptied: the last owner who is somebody stays.
func TestAGroupIsNoLastOwner(t *testing.T) {
	b := twoGroups(t)
	const crew = "9e500000-0000-4000-8000-00000000000a"
	if err := b.db.CreatePrincipal(t.Context(), store.Principal{ObjectID: crew, TenantID: tenant, Kind: store.Group}); err != nil {
		t.Fatal(err)
	}
	b.do("PUT", roles+first+v2022, strings.ReplaceAll(assignment(access.Owner), person, crew)).want(http.StatusCreated)
	owners, err := b.db.ListResources(t.Context(), store.Query{Type: access.AssignmentType, Prefix: "/providers/microsoft.authorization/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range owners {
		if one.Subject != crew {
			b.do("DELETE", one.ID+v2022, "").refused(http.StatusConflict, "Conflict")
		}
	}
}
