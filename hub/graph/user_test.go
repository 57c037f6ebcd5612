package graph_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/store"
)

const typed = "Correct-horse-1"

func (d *directory) user(t *testing.T, name string) string {
	t.Helper()
	status, made := d.call(t, owner, http.MethodPost, "/v1.0/users", `{"accountEnabled":true,"displayName":"`+name+`","mailNickname":"`+name+
		`","userPrincipalName":"`+name+`@Example.org","passwordProfile":{"password":"`+typed+`","forceChangePasswordNextSignIn":false}}`)
	if status != http.StatusCreated || strings.Contains(fmt.Sprint(made), typed) {
		t.Fatalf("%d %v", status, made)
	}
	return text(made, "id")
}

func (d *directory) group(t *testing.T, name string, members ...string) string {
	t.Helper()
	var bound []string
	for _, id := range members {
		bound = append(bound, `"https://graph/v1.0/directoryObjects/`+id+`"`)
	}
	status, made := d.call(t, owner, http.MethodPost, "/v1.0/groups", `{"displayName":"`+name+`","mailNickname":"x","mailEnabled":false,"securityEnabled":true,"members@odata.bind":[`+strings.Join(bound, ",")+`]}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, made)
	}
	return text(made, "id")
}

func (d *directory) want(t *testing.T, role, method, path, body string, status int) map[string]any {
	t.Helper()
	got, document := d.call(t, role, method, path, body)
	if got != status {
		t.Errorf("%s %s as %s: %d %v, want %d", method, path, role, got, document, status)
	}
	return document
}

func TestLifeOfAUser(t *testing.T) {
	d := open(t)
	id := d.user(t, "ana")
	for _, path := range []string{"/v1.0/users/" + id, "/v1.0/users/ana@example.org", "/v1.0/directoryobjects/" + id} {
		if one := d.want(t, reader, http.MethodGet, path, "", 200); text(one, "userPrincipalName") != "ana@Example.org" || one["accountEnabled"] != true || text(one, "@odata.type") != "#microsoft.graph.user" {
			t.Errorf("%s: %v", path, one)
		}
	}
	if one := d.want(t, reader, http.MethodGet, "/v1.0/users/"+id+"?$select=displayName", "", 200); text(one, "displayName") != "ana" || one["userPrincipalName"] != nil {
		t.Errorf("$select: %v", one)
	}
	if me := d.want(t, id, http.MethodGet, "/v1.0/me", "", 200); text(me, "id") != id {
		t.Errorf("me: %v", me)
	}
	d.want(t, reader, http.MethodGet, "/v1.0/me", "", 400)
	keeper := password.Keeper{Store: d.db, Hasher: &password.Hasher{}}
	if _, err := keeper.SignIn(t.Context(), "ANA@example.org", typed); err != nil {
		t.Error(err)
	}
	d.want(t, id, http.MethodPost, "/v1.0/me/changepassword", `{"currentPassword":"wrong","newPassword":"Battery-staple-2"}`, 400)
	d.want(t, id, http.MethodPost, "/v1.0/me/changepassword", `{"currentPassword":"`+typed+`","newPassword":"Battery-staple-2"}`, 204)
	if _, err := keeper.SignIn(t.Context(), "ana@example.org", "Battery-staple-2"); err != nil {
		t.Error(err)
	}
	d.want(t, owner, http.MethodPatch, "/v1.0/users/"+id, `{"accountEnabled":false,"displayName":"Ana","passwordProfile":{"password":"Next-horse-3"}}`, 204)
	stored, err := d.db.GetPrincipal(t.Context(), id)
	if err != nil || !stored.Disabled || stored.DisplayName != "Ana" || !stored.MustChangePassword {
		t.Errorf("%+v, %v", stored, err)
	}
	d.want(t, owner, http.MethodDelete, "/v1.0/users/"+id, "", 204)
	if gone := d.want(t, owner, http.MethodGet, "/v1.0/users/"+id, "", 404); text(gone["error"].(map[string]any), "code") != "Request_ResourceNotFound" {
		t.Errorf("%v", gone)
	}
}

func TestRefusedUsers(t *testing.T) {
	d := open(t)
	d.user(t, "ana")
	profile := `,"passwordProfile":{"password":"` + typed + `"}`
	for name, body := range map[string]string{
		"Taken":          `{"displayName":"x","userPrincipalName":"ANA@example.org"` + profile + `}`,
		"NoDomain":       `{"displayName":"x","userPrincipalName":"ana"` + profile + `}`,
		"Path":           `{"displayName":"x","userPrincipalName":"../a/b@example.org"` + profile + `}`,
		"NoDisplayName":  `{"userPrincipalName":"eve@example.org"` + profile + `}`,
		"NoPassword":     `{"displayName":"x","userPrincipalName":"eve@example.org"}`,
		"WeakPassword":   `{"displayName":"x","userPrincipalName":"eve@example.org","passwordProfile":{"password":"eve12345"}}`,
		"ControlInName":  `{"displayName":"x\n","mailNickname":"\u0000","userPrincipalName":"eve@example.org"` + profile + `}`,
		"BadIdentity":    `{"displayName":"x","userPrincipalName":"eve@example.org","identities":[{"signInType":"federated"}]}`,
		"TwoIdentities":  `{"displayName":"x","userPrincipalName":"eve@example.org","identities":[{"signInType":"federated","issuer":"i","issuerAssignedId":"s"},{"signInType":"federated","issuer":"i","issuerAssignedId":"t"}]}`,
		"PasswordInJSON": `{"displayName":"x","userPrincipalName":"eve@example.org","passwordProfile":"` + typed + `"}`,
	} {
		if document := d.want(t, owner, http.MethodPost, "/v1.0/users", body, 400); strings.Contains(fmt.Sprint(document), typed) || text(document["error"].(map[string]any), "code") != "Request_BadRequest" {
			t.Errorf("%s: %v", name, document)
		}
	}
	d.want(t, owner, http.MethodPost, "/v1.0/users", `{"displayName":"x","userPrincipalName":"ext@example.org","identities":[{"signInType":"federated","issuer":"i","issuerAssignedId":"s"}]}`, 201)
}

func TestListsOfUsers(t *testing.T) {
	d := open(t)
	for i := range 5 {
		d.user(t, fmt.Sprintf("user%d", i))
	}
	list := func(role string, query url.Values) map[string]any {
		return d.want(t, role, http.MethodGet, "/v1.0/users?"+query.Encode(), "", 200)
	}
	seen := map[string]bool{}
	query := url.Values{"$top": {"2"}, "$count": {"true"}, "$filter": {"startswith(displayName,'USER')"}}
	for pages := 1; ; pages++ {
		page := list(reader, query)
		if page["@odata.count"] != 5.0 || len(values(page)) > 2 {
			t.Fatalf("%v", page)
		}
		for _, one := range values(page) {
			seen[text(one.(map[string]any), "id")] = true
		}
		next, err := url.Parse(text(page, "@odata.nextLink"))
		if err != nil || next.String() == "" {
			if pages != 3 || len(seen) != 5 {
				t.Errorf("%d users on %d pages", len(seen), pages)
			}
			break
		}
		if next.Scheme != "https" || next.Host != "example.com" || next.Path != "/v1.0/users" {
			t.Fatal(next)
		}
		query = next.Query()
	}
	if found := list(reader, url.Values{"$filter": {"userPrincipalName eq 'USER3@example.org'"}, "$select": {"id"}}); len(values(found)) != 1 {
		t.Errorf("%v", found)
	}
	for _, bad := range []string{"$top=0", "$top=1000", "$skiptoken=%25", "$search=x", "$filter=mail%20ne%20'x'"} {
		d.want(t, reader, http.MethodGet, "/v1.0/users?"+bad, "", 400)
	}
}

// Nobody becomes an administrator, or gets rid of one, by the directory.
func TestNobodyTakesAnAdministratorOver(t *testing.T) {
	d := open(t)
	checker := &access.Checker{Store: d.db}
	direct, byGroup, plain := d.user(t, "direct"), d.user(t, "grouped"), d.user(t, "plain")
	disabled := d.user(t, "disabled")
	admins := d.group(t, "admins", byGroup)
	outer := d.group(t, "outer")
	for _, id := range []string{direct, disabled, outer} {
		if err := checker.Assign(t.Context(), id, access.Owner, "/"); err != nil {
			t.Fatal(err)
		}
	}
	d.want(t, owner, http.MethodPost, "/v1.0/groups/"+outer+"/members/$ref", ref(admins), 204)
	d.want(t, owner, http.MethodPatch, "/v1.0/users/"+disabled, `{"accountEnabled":false}`, 204)
	reset := `{"passwordProfile":{"password":"Mine-now-123"}}`
	for _, id := range []string{direct, byGroup, disabled} {
		one := "/v1.0/users/" + id
		d.want(t, contributor, http.MethodPatch, one, reset, 403)
		d.want(t, contributor, http.MethodPatch, one, `{"accountEnabled":true}`, 403)
		d.want(t, contributor, http.MethodPatch, one, `{"userPrincipalName":"mine@example.org"}`, 403)
		d.want(t, contributor, http.MethodPatch, one, `{"mail":"mine@example.org"}`, 403)
		d.want(t, contributor, http.MethodPatch, one, `{"identities":[{"signInType":"federated","issuer":"i","issuerAssignedId":"s"}]}`, 403)
		d.want(t, contributor, http.MethodDelete, one, "", 403)
		d.want(t, contributor, http.MethodPatch, one, `{"displayName":"renamed"}`, 204)
	}
	for _, group := range []string{admins, outer} { // admins has roles by the group that it is in
		one := "/v1.0/groups/" + group
		d.want(t, contributor, http.MethodPost, one+"/members/$ref", ref(plain), 403)
		d.want(t, contributor, http.MethodPatch, one, `{"members@odata.bind":["https://graph/v1.0/directoryObjects/`+plain+`"]}`, 403)
		d.want(t, contributor, http.MethodDelete, one, "", 403)
	}
	d.want(t, contributor, http.MethodDelete, "/v1.0/groups/"+admins+"/members/"+byGroup+"/$ref", "", 403)
	d.want(t, contributor, http.MethodPatch, "/v1.0/users/"+plain, reset, 204)
	service, _ := d.create(t, "service")
	d.want(t, owner, http.MethodPost, "/v1.0/groups/"+admins+"/members/$ref", ref(service), 204)
	for _, action := range []string{"addpassword", "removepassword", "addkey", "removekey", "federatedidentitycredentials"} {
		d.want(t, contributor, http.MethodPost, collection+"/"+service+"/"+action, `{"keyId":"x"}`, 403)
		d.want(t, contributor, http.MethodPost, "/v1.0/applications/"+service+"/"+action, `{"keyId":"x"}`, 403)
	}
	d.want(t, contributor, http.MethodDelete, collection+"/"+service+"/federatedidentitycredentials/x", "", 403)
}

func TestTheLastOwnerStaysEnabled(t *testing.T) {
	d := open(t)
	checker := &access.Checker{Store: d.db}
	ana := d.user(t, "ana")
	group := d.group(t, "owners", ana)
	for _, id := range []string{group, ana} {
		if err := checker.Assign(t.Context(), id, access.Owner, "/"); err != nil {
			t.Fatal(err)
		}
	}
	d.want(t, owner, http.MethodPatch, collection+"/"+owner, `{"accountEnabled":false}`, 204)
	d.want(t, ana, http.MethodPatch, "/v1.0/users/"+ana, `{"accountEnabled":false}`, 409)
	d.want(t, ana, http.MethodDelete, "/v1.0/users/"+ana, "", 409)
	d.want(t, owner, http.MethodGet, "/v1.0/users", "", 403) // what is disabled has no access
	d.want(t, ana, http.MethodPatch, collection+"/"+owner, `{"accountEnabled":true}`, 204)
	d.want(t, ana, http.MethodPatch, "/v1.0/users/"+ana, `{"accountEnabled":false}`, 204)
	d.want(t, ana, http.MethodGet, "/v1.0/users", "", 403)
}

func ref(id string) string {
	return `{"@odata.id":"https://graph.example.org/v1.0/directoryObjects/` + id + `"}`
}

func TestWhoManagesUsersAndGroups(t *testing.T) {
	d := open(t)
	user := d.user(t, "ana")
	group := d.group(t, "g")
	for _, c := range []struct {
		method, path string
		reader       int
	}{
		{http.MethodGet, "/v1.0/users", 200},
		{http.MethodPost, "/v1.0/users", 403},
		{http.MethodPatch, "/v1.0/users/" + user, 403},
		{http.MethodDelete, "/v1.0/users/" + user, 403},
		{http.MethodPost, "/v1.0/users/" + user + "/changepassword", 403},
		{http.MethodGet, "/v1.0/groups", 200},
		{http.MethodPost, "/v1.0/groups", 403},
		{http.MethodPatch, "/v1.0/groups/" + group, 403},
		{http.MethodDelete, "/v1.0/groups/" + group, 403},
		{http.MethodPost, "/v1.0/groups/" + group + "/members/$ref", 403},
		{http.MethodDelete, "/v1.0/groups/" + group + "/members/" + user + "/$ref", 403},
		{http.MethodPost, "/v1.0/users/" + user + "/getmemberobjects", 200},
		{http.MethodPatch, collection + "/" + owner, 403},
		{http.MethodPost, "/v1.0/applications", 403},
	} {
		d.want(t, reader, c.method, c.path, `{}`, c.reader)
		d.want(t, onboarding, c.method, c.path, `{}`, 403)
		d.want(t, "", c.method, c.path, `{}`, 401)
	}
	d.want(t, "", http.MethodGet, "/v1.0/me", "", 401)
	d.want(t, user, http.MethodGet, "/v1.0/users/"+user, "", 200) // oneself
	d.want(t, user, http.MethodGet, "/v1.0/groups", "", 403)
	d.add(t, store.Principal{ObjectID: "stranger", Kind: store.User, UserName: "stranger"})
	d.want(t, user, http.MethodGet, "/v1.0/users/stranger", "", 403)
}
