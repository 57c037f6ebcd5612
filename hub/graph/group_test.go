package graph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

func names(document map[string]any) string {
	found := []string{}
	for _, one := range values(document) {
		object, isObject := one.(map[string]any)
		if !isObject {
			found = append(found, fmt.Sprint(one))
			continue
		}
		found = append(found, text(object, "displayName"))
	}
	return strings.Join(found, " ")
}

func same(got, want string) bool {
	if len(got) != len(want) {
		return false
	}
	for word := range strings.FieldsSeq(want) {
		if !strings.Contains(" "+got+" ", " "+word+" ") {
			return false
		}
	}
	return true
}

func TestMembersOfGroups(t *testing.T) {
	d := open(t)
	ana, service := d.user(t, "ana"), ""
	service, _ = d.create(t, "service")
	inner := d.group(t, "inner", ana)
	outer := d.group(t, "outer", inner, service)
	empty := d.group(t, "empty")
	for path, want := range map[string]string{
		"/v1.0/groups/" + outer + "/members":                                            "inner service",
		"/v1.0/groups/" + outer + "/members/microsoft.graph.serviceprincipal":           "service",
		"/v1.0/groups/" + outer + "/members/microsoft.graph.device":                     "",
		"/v1.0/groups/" + outer + "/transitivemembers":                                  "inner service ana",
		"/v1.0/groups/" + outer + "/transitivemembers/microsoft.graph.user":             "ana",
		"/v1.0/users/" + ana + "/memberof":                                              "inner",
		"/v1.0/users/ana@example.org/transitivememberof":                                "inner outer",
		"/v1.0/groups/" + inner + "/memberof":                                           "outer",
		collection + "/" + service + "/transitivememberof":                              "outer",
		"/v1.0/users/" + ana + "/transitivememberof?$filter=displayName%20eq%20'outer'": "outer",
		"/v1.0/groups/" + outer + "/owners":                                             "",
	} {
		if found := d.want(t, reader, http.MethodGet, path, "", 200); !same(names(found), want) {
			t.Errorf("%s: %s, want %s", path, names(found), want)
		}
	}
	if mine := d.want(t, ana, http.MethodGet, "/v1.0/me/transitivememberof?$count=true", "", 200); !same(names(mine), "inner outer") || mine["@odata.count"] != 2.0 {
		t.Errorf("%v", mine)
	}
	check := `{"groupIds":["` + empty + `","` + strings.ToUpper(outer) + `"]}`
	for _, path := range []string{"/v1.0/users/" + ana, "/v1.0/directoryobjects/" + ana, collection + "/" + service} {
		if found := d.want(t, reader, http.MethodPost, path+"/checkmembergroups", check, 200); names(found) != strings.ToUpper(outer) {
			t.Errorf("%s: %v", path, found)
		}
	}
	if found := d.want(t, reader, http.MethodPost, "/v1.0/directoryobjects/getbyids", `{"ids":["`+ana+`","`+inner+`","none"],"types":["user","directoryObjectPartnerReference"]}`, 200); names(found) != "ana" {
		t.Errorf("%v", found)
	}
	d.want(t, owner, http.MethodDelete, "/v1.0/groups/"+outer+"/members/"+inner+"/$ref", "", 204)
	if found := d.want(t, reader, http.MethodPost, "/v1.0/users/"+ana+"/getmembergroups", `{"securityEnabledOnly":true}`, 200); names(found) != inner {
		t.Errorf("%v", found)
	}
	d.want(t, owner, http.MethodDelete, "/v1.0/groups/"+inner, "", 204)
	if found := d.want(t, ana, http.MethodPost, "/v1.0/users/"+ana+"/getmemberobjects", `{}`, 200); names(found) != "" || found["value"] == nil {
		t.Errorf("%v", found)
	}
}

func TestRefusedGroups(t *testing.T) {
	d := open(t)
	ana := d.user(t, "ana")
	group := d.group(t, "g", ana)
	members := "/v1.0/groups/" + group + "/members"
	for _, c := range []struct {
		reason, method, path, body string
		want                       int
	}{
		{"a name is needed", http.MethodPost, "/v1.0/groups", `{}`, 400},
		{"there is no mail here", http.MethodPost, "/v1.0/groups", `{"displayName":"x","mailEnabled":true}`, 400},
		{"a member twice", http.MethodPost, members + "/$ref", ref(ana), 400},
		{"in itself", http.MethodPost, members + "/$ref", ref(group), 400},
		{"nobody", http.MethodPost, members + "/$ref", ref("00000000-0000-4000-8000-000000000000"), 404},
		{"no reference", http.MethodPost, members + "/$ref", `{}`, 400},
		{"not an id", http.MethodPost, members + "/$ref", `{"@odata.id":"https://graph/v1.0/directoryObjects/x"}`, 400},
		{"not a member", http.MethodDelete, members + "/" + owner + "/$ref", "", 404},
		{"a user is no group", http.MethodGet, "/v1.0/groups/" + ana, "", 404},
		{"a group is no user", http.MethodGet, "/v1.0/users/" + group, "", 404},
		{"a group is no service principal", http.MethodDelete, collection + "/" + group, "", 404},
		{"too many ids", http.MethodPost, "/v1.0/directoryobjects/getbyids", `{"ids":["x"` + strings.Repeat(`,"x"`, 1000) + `]}`, 400},
		{"too many groups", http.MethodPost, "/v1.0/users/" + ana + "/checkmembergroups", `{"groupIds":["x"` + strings.Repeat(`,"x"`, 20) + `]}`, 400},
		{"too many members", http.MethodPatch, "/v1.0/groups/" + group, `{"members@odata.bind":["x"` + strings.Repeat(`,"x"`, 20) + `]}`, 400},
		{"too long an id", http.MethodGet, "/v1.0/users/" + strings.Repeat("x", 300), "", 404},
	} {
		if status, document := d.call(t, owner, c.method, c.path, c.body); status != c.want {
			t.Errorf("%s: %d %v, want %d", c.reason, status, document, c.want)
		}
	}
}

// A thousand groups come in one answer, as with Graph, and in pages for whoever asks for that.
func TestMemberOfAThousandGroups(t *testing.T) {
	d := open(t)
	ana := d.user(t, "ana")
	for i := range 1000 {
		id := fmt.Sprintf("group-%04d", i)
		d.add(t, store.Principal{ObjectID: id, Kind: store.Group, DisplayName: id})
		if err := d.db.AddMembers(t.Context(), id, []string{ana}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	path := "/v1.0/users/" + ana + "/getmemberobjects"
	if all := d.want(t, ana, http.MethodPost, path, `{"securityEnabledOnly":false}`, 200); len(values(all)) != 1000 || all["@odata.nextLink"] != nil {
		t.Errorf("%d groups", len(values(all)))
	}
	seen, pages := map[any]bool{}, 0
	for next := path + "?$top=300"; next != ""; pages++ {
		page := d.want(t, ana, http.MethodPost, strings.TrimPrefix(next, "https://example.com"), `{}`, 200)
		for _, id := range values(page) {
			seen[id] = true
		}
		next = text(page, "@odata.nextLink")
	}
	if len(seen) != 1000 || pages != 4 {
		t.Errorf("%d groups on %d pages", len(seen), pages)
	}
}

// What az ad sp create-for-rbac and az ad app do.
func TestApplications(t *testing.T) {
	d := open(t)
	app := d.want(t, owner, http.MethodPost, "/v1.0/applications", `{"displayName":"pipeline","signInAudience":"AzureADMyOrg"}`, 201)
	appID, id := text(app, "appId"), text(app, "id")
	service := d.want(t, owner, http.MethodPost, collection, `{"appId":"`+appID+`","accountEnabled":true}`, 201)
	if text(service, "appId") != appID {
		t.Errorf("%v", service)
	}
	d.want(t, owner, http.MethodPost, collection, `{"appId":"unknown"}`, 400)
	d.want(t, owner, http.MethodPost, "/v1.0/applications/"+id+"/addpassword", `{"passwordCredential":{"displayName":"rbac"}}`, 200)
	if shown := d.want(t, reader, http.MethodGet, "/v1.0/applications/"+id, "", 200); len(shown["passwordCredentials"].([]any)) != 1 || text(shown, "@odata.type") != "#microsoft.graph.application" {
		t.Errorf("%v", shown)
	}
	if found := d.want(t, reader, http.MethodGet, "/v1.0/applications?$filter=appId%20eq%20'"+appID+"'", "", 200); names(found) != "pipeline" {
		t.Errorf("%v", found)
	}
	d.want(t, owner, http.MethodPatch, "/v1.0/applications/"+id, `{"displayName":"renamed"}`, 204)
	d.want(t, owner, http.MethodPatch, "/v1.0/applications/"+id, `{"keyCredentials":[{}]}`, 400)
	d.want(t, owner, http.MethodDelete, "/v1.0/applications/"+id, "", 204)
	if found := d.want(t, reader, http.MethodGet, "/v1.0/applications", "", 200); strings.Contains(names(found), "renamed") {
		t.Errorf("%v", found)
	}
	if tenants := d.want(t, onboarding, http.MethodGet, "/v1.0/organization", "", 200); len(values(tenants)) != 1 {
		t.Errorf("%v", tenants)
	}
}
