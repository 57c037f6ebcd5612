package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/graph"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

const (
	tenant      = "9a3e6d2c-52b0-4d5c-8f5a-0c1d9d6f7a10"
	owner       = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	reader      = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	onboarding  = "34e09817-6cbe-4d01-b1a2-e0eac5743d41"
	collection  = "/v1.0/serviceprincipals"
)

type directory struct {
	db      *store.DB
	handler http.Handler
	now     time.Time
}

// open returns a directory in which a principal named after each role has that role at "/".
func open(t *testing.T) *directory {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d := &directory{db: db, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	checker := &access.Checker{Store: db}
	for _, role := range []string{owner, contributor, reader, onboarding} {
		d.add(t, store.Principal{ObjectID: role, AppID: role, TenantID: tenant, Kind: store.ServicePrincipal, DisplayName: role})
		if err := checker.Assign(t.Context(), role, role, "/"); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	api := &graph.API{Store: db, Access: checker, TenantID: tenant, Hasher: &password.Hasher{}, Now: func() time.Time { return d.now }, Log: slog.New(slog.DiscardHandler)}
	api.Mount(mux)
	d.handler = mux
	return d
}

func (d *directory) add(t *testing.T, p store.Principal) {
	t.Helper()
	if err := d.db.CreatePrincipal(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// call does a request as the principal with that role and returns status and document.
func (d *directory) call(t *testing.T, role, method, path, body string) (int, map[string]any) {
	t.Helper()
	ctx := access.WithPrincipal(context.Background(), access.Principal{ObjectID: role})
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	var document map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
	}
	return w.Code, document
}

func (d *directory) create(t *testing.T, name string) (id, appID string) {
	t.Helper()
	status, made := d.call(t, owner, http.MethodPost, collection, `{"displayName":"`+name+`"}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, made)
	}
	return text(made, "id"), text(made, "appId")
}

func text(document map[string]any, name string) string {
	value, _ := document[name].(string)
	return value
}

func values(document map[string]any) []any {
	found, _ := document["value"].([]any)
	return found
}

func TestLifeOfAServicePrincipal(t *testing.T) {
	d := open(t)
	id, appID := d.create(t, "ci")
	if status, one := d.call(t, reader, http.MethodGet, collection+"/"+id, ""); status != http.StatusOK || text(one, "appId") != appID {
		t.Errorf("get: %d %v", status, one)
	}
	status, added := d.call(t, owner, http.MethodPost, collection+"/"+id+"/addpassword", "")
	secret := token.Secret(text(added, "secretText"))
	if status != http.StatusOK || secret == "" {
		t.Fatalf("add password: %d %v", status, added)
	}
	held, err := d.db.Credentials(t.Context(), id)
	if err != nil || len(held) != 1 || string(held[0].Hash) != string(secret.Hash()) || !held[0].NotAfter.Equal(d.now.Add(365*24*time.Hour)) {
		t.Errorf("stored %v, %v", held, err)
	}
	if _, one := d.call(t, reader, http.MethodGet, collection+"/"+id, ""); strings.Contains(fmt.Sprint(one), string(secret)) || one["passwordCredentials"] == nil {
		t.Error("the secret is shown twice, or not even that there is one")
	}
	status, _ = d.call(t, owner, http.MethodPost, collection+"/"+id+"/removepassword", `{"keyId":"`+text(added, "keyId")+`"}`)
	if held, _ := d.db.Credentials(t.Context(), id); status != http.StatusNoContent || len(held) != 0 {
		t.Errorf("remove password: %d, left %v", status, held)
	}
	if status, _ := d.call(t, owner, http.MethodDelete, collection+"/"+id, ""); status != http.StatusNoContent {
		t.Errorf("delete: %d", status)
	}
	if status, _ := d.call(t, reader, http.MethodGet, collection+"/"+id, ""); status != http.StatusNotFound {
		t.Errorf("get after delete: %d", status)
	}
}

func TestDeletedPrincipalHasNoRoles(t *testing.T) {
	d := open(t)
	if status, _ := d.call(t, owner, http.MethodDelete, collection+"/"+reader, ""); status != http.StatusNoContent {
		t.Fatal(status)
	}
	left, err := (&access.Checker{Store: d.db}).Assignments(t.Context(), reader)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestFilter(t *testing.T) {
	d := open(t)
	id, appID := d.create(t, "o''clock")
	d.add(t, store.Principal{ObjectID: "m", AppID: "ma", TenantID: tenant, Kind: store.ManagedIdentity, DisplayName: "edge-1"})
	cases := map[string]struct {
		reason, filter string
		status, found  int
	}{
		"None":        {"no filter means all", "", 200, 6},
		"AppID":       {"what az asks", "appId eq '" + appID + "'", 200, 1},
		"AppIDCase":   {"ids have no case", "APPID eq '" + strings.ToUpper(appID) + "'", 200, 1},
		"ID":          {"by object id", "id eq '" + id + "'", 200, 1},
		"Quote":       {"a doubled quote is one", "displayName eq 'o''''clock'", 200, 1},
		"Type":        {"identities of clusters are told apart", "servicePrincipalType eq 'ManagedIdentity'", 200, 1},
		"Nobody":      {"no match is an empty list", "displayName eq 'nobody'", 200, 0},
		"Unknown":     {"a filter that is ignored would return strangers", "owner eq 'x'", 400, 0},
		"NotAFilter":  {"the same", "appId ne 'x'", 400, 0},
		"Unbalanced":  {"the same", "appId eq 'x' or 'y'", 400, 0},
		"TooLong":     {"input is bounded", "appId eq '" + strings.Repeat("x", 2000) + "'", 400, 0},
		"EmptyString": {"an empty value matches nothing", "appId eq ''", 200, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, document := d.call(t, reader, http.MethodGet, collection+"?"+url.Values{"$filter": {c.filter}}.Encode(), "")
			if status != c.status || len(values(document)) != c.found {
				t.Errorf("%s: %d %v", c.reason, status, document)
			}
		})
	}
}

func TestOnlyWhoMay(t *testing.T) {
	d := open(t)
	id, _ := d.create(t, "victim")
	requests := map[string]struct {
		method, path, body string
		reader             int
	}{
		"List":        {http.MethodGet, collection, "", 200},
		"Get":         {http.MethodGet, collection + "/" + id, "", 200},
		"Create":      {http.MethodPost, collection, `{"displayName":"x"}`, 403},
		"AddPassword": {http.MethodPost, collection + "/" + id + "/addpassword", "", 403},
		"Remove":      {http.MethodPost, collection + "/" + id + "/removepassword", `{}`, 403},
		"Delete":      {http.MethodDelete, collection + "/" + id, "", 403},
		"Elsewhere":   {http.MethodGet, "/v1.0/planets", "", 404},
	}
	for name, c := range requests {
		t.Run(name, func(t *testing.T) {
			for role, want := range map[string]int{reader: c.reader, onboarding: 403, "": 401} {
				if status, document := d.call(t, role, c.method, c.path, c.body); status != want {
					t.Errorf("role %q: %d %v, want %d", role, status, document, want)
				}
			}
		})
	}
}

func TestRefusedRequests(t *testing.T) {
	d := open(t)
	id, _ := d.create(t, "one")
	other, _ := d.create(t, "two")
	_, added := d.call(t, owner, http.MethodPost, collection+"/"+other+"/addpassword", "")
	d.add(t, store.Principal{ObjectID: "m", AppID: "ma", TenantID: tenant, Kind: store.ManagedIdentity})
	cases := map[string]struct {
		reason, method, path, body string
		want                       int
	}{
		"NoName":       {"a name is needed", http.MethodPost, "", `{}`, 400},
		"LongName":     {"input is bounded", http.MethodPost, "", `{"displayName":"` + strings.Repeat("x", 300) + `"}`, 400},
		"NotJSON":      {"not a document", http.MethodPost, "", `x`, 400},
		"Huge":         {"input is bounded", http.MethodPost, "", strings.Repeat(" ", 20<<10), 413},
		"PastEnd":      {"a secret that has ended already", http.MethodPost, "/" + id + "/addpassword", `{"passwordCredential":{"endDateTime":"2020-01-01T00:00:00Z"}}`, 400},
		"Managed":      {"identities of clusters have no secrets", http.MethodPost, "/m/addpassword", "", 400},
		"ManagedGone":  {"identities go with their clusters", http.MethodDelete, "/m", "", 400},
		"Absent":       {"no such principal", http.MethodDelete, "/absent", "", 404},
		"OthersSecret": {"a key id works for its own principal only", http.MethodPost, "/" + id + "/removepassword", `{"keyId":"` + text(added, "keyId") + `"}`, 404},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if status, document := d.call(t, owner, c.method, collection+c.path, c.body); status != c.want {
				t.Errorf("%s: %d %v", c.reason, status, document)
			}
		})
	}
}

func TestSecretsAreBounded(t *testing.T) {
	d := open(t)
	id, _ := d.create(t, "many")
	for range 20 {
		if status, document := d.call(t, owner, http.MethodPost, collection+"/"+id+"/addpassword", ""); status != http.StatusOK {
			t.Fatalf("%d %v", status, document)
		}
	}
	if status, _ := d.call(t, owner, http.MethodPost, collection+"/"+id+"/addpassword", ""); status != http.StatusBadRequest {
		t.Errorf("the 21st: %d", status)
	}
}

func TestNobodyGetsRolesByASecret(t *testing.T) {
	d := open(t)
	id, _ := d.create(t, "harmless")
	if status, document := d.call(t, contributor, http.MethodPost, collection+"/"+id+"/addpassword", ""); status != http.StatusOK {
		t.Errorf("a principal without roles: %d %v", status, document)
	}
	if status, document := d.call(t, contributor, http.MethodPost, collection+"/"+owner+"/addpassword", ""); status != http.StatusForbidden {
		t.Errorf("a contributor makes a secret for an owner: %d %v", status, document)
	}
	if status, document := d.call(t, contributor, http.MethodDelete, collection+"/"+owner, ""); status != http.StatusForbidden {
		t.Errorf("a contributor deletes an owner: %d %v", status, document)
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	d := open(t)
	if status, document := d.call(t, owner, http.MethodDelete, collection+"/"+owner, ""); status != http.StatusConflict {
		t.Fatalf("the only owner is deleted: %d %v", status, document)
	}
	second, _ := d.create(t, "second")
	if err := (&access.Checker{Store: d.db}).Assign(t.Context(), second, owner, "/"); err != nil {
		t.Fatal(err)
	}
	if status, document := d.call(t, owner, http.MethodDelete, collection+"/"+owner, ""); status != http.StatusNoContent {
		t.Errorf("one of two owners: %d %v", status, document)
	}
}
