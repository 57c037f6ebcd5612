package azuresdk_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/hybridkubernetes/armhybridkubernetes"
	"github.com/google/uuid"
)

const (
	reader      = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	definitions = "/providers/Microsoft.Authorization/roleDefinitions/"
)

func (a *azure) scope() string { return "/subscriptions/" + a.subscription }

func (a *azure) roleClients(t *testing.T) (*armauthorization.RoleAssignmentsClient, *armauthorization.RoleDefinitionsClient) {
	t.Helper()
	return must(armauthorization.NewRoleAssignmentsClient(a.subscription, a.credential, a.options()))(t),
		must(armauthorization.NewRoleDefinitionsClient(a.credential, a.options()))(t)
}

// graph posts to the directory, for which there is no SDK here, and returns the answer.
func (a *azure) graph(t *testing.T, path string, body any) map[string]any {
	t.Helper()
	token := must(a.credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{a.URL + "/.default"}}))(t)
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL+"/v1.0/"+path, bytes.NewReader(must(json.Marshal(body))(t))))(t)
	request.Header.Set("Authorization", "Bearer "+token.Token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := a.client.Transport.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	var document map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil || answer.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s: %d %v %v", path, answer.StatusCode, document, err)
	}
	return document
}

// newcomer makes a service principal without any role, and returns its object id and its credential.
func (a *azure) newcomer(t *testing.T) (string, azcore.TokenCredential) {
	t.Helper()
	principal := a.graph(t, "servicePrincipals", map[string]any{"displayName": "newcomer"})
	id, _ := principal["id"].(string)
	appID, _ := principal["appId"].(string)
	password := a.graph(t, "servicePrincipals/"+id+"/addPassword", map[string]any{})
	secret, _ := password["secretText"].(string)
	return id, a.signIn(t, appID, secret)
}

// assign gives a role on the group shops and returns the assignment's name.
func (a *azure) assign(t *testing.T, role, principal string) string {
	t.Helper()
	assignments, _ := a.roleClients(t)
	name := uuid.NewString()
	_, err := assignments.Create(t.Context(), a.scope()+"/resourceGroups/"+shops, name, armauthorization.RoleAssignmentCreateParameters{
		Properties: &armauthorization.RoleAssignmentProperties{
			RoleDefinitionID: new(a.scope() + definitions + role), PrincipalID: &principal,
			PrincipalType: new(armauthorization.PrincipalTypeServicePrincipal), Description: new("for a test"),
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRevokedRoleIsGoneAtOnce(t *testing.T) {
	a := start(t)
	a.group(t)
	a.connect(t, "edge-1")
	principal, credential := a.newcomer(t)
	theirs := must(armhybridkubernetes.NewConnectedClusterClient(a.subscription, credential, a.options()))(t)
	get := func() error { _, err := theirs.Get(t.Context(), shops, "edge-1", nil); return err }
	refused(t, get(), http.StatusForbidden, "AuthorizationFailed")

	name := a.assign(t, reader, principal)
	if err := get(); err != nil {
		t.Fatal(err)
	}
	_, err := theirs.Update(t.Context(), shops, "edge-1", armhybridkubernetes.ConnectedClusterPatch{Tags: map[string]*string{}}, nil)
	refused(t, err, http.StatusForbidden, "AuthorizationFailed")

	assignments, _ := a.roleClients(t)
	if _, err := assignments.Delete(t.Context(), a.scope()+"/resourceGroups/"+shops, name, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, get(), http.StatusForbidden, "AuthorizationFailed")
}

func TestRoleAssignments(t *testing.T) {
	a := start(t)
	a.group(t)
	principal, _ := a.newcomer(t)
	name := a.assign(t, reader, principal)
	assignments, _ := a.roleClients(t)
	scope := a.scope() + "/resourceGroups/" + shops
	got := must(assignments.Get(t.Context(), scope, name, nil))(t)
	if *got.Properties.PrincipalID != principal || *got.Properties.Scope != scope || *got.Properties.Description != "for a test" || got.Properties.CreatedOn == nil {
		t.Errorf("%+v", got.Properties)
	}
	byID := must(assignments.GetByID(t.Context(), *got.ID, nil))(t)
	if *byID.Name != name {
		t.Errorf("by id: %v", *byID.Name)
	}
	for filter, want := range map[string]int{"principalId eq '" + principal + "'": 1, "assignedTo('" + principal + "')": 1, "atScope()": 1} {
		all := everything(t, assignments.NewListForScopePager(a.scope(), &armauthorization.RoleAssignmentsClientListForScopeOptions{Filter: &filter}),
			func(page armauthorization.RoleAssignmentsClientListForScopeResponse) []*armauthorization.RoleAssignment {
				return page.Value
			})
		if len(all) != want { // atScope() finds the administrator's on the root alone
			t.Errorf("%s: %d", filter, len(all))
		}
	}
	create := func(role, who string, kind armauthorization.PrincipalType) error {
		_, err := assignments.Create(t.Context(), scope, uuid.NewString(), armauthorization.RoleAssignmentCreateParameters{
			Properties: &armauthorization.RoleAssignmentProperties{RoleDefinitionID: new(a.scope() + definitions + role), PrincipalID: &who, PrincipalType: &kind},
		}, nil)
		return err
	}
	refused(t, create(reader, principal, armauthorization.PrincipalTypeServicePrincipal), http.StatusConflict, "RoleAssignmentExists")
	refused(t, create(reader, uuid.NewString(), armauthorization.PrincipalTypeServicePrincipal), http.StatusBadRequest, "PrincipalNotFound")
	refused(t, create(uuid.NewString(), principal, armauthorization.PrincipalTypeServicePrincipal), http.StatusNotFound, "RoleDefinitionDoesNotExist")
	refused(t, create(reader, principal, armauthorization.PrincipalTypeUser), http.StatusBadRequest, "UnmatchedPrincipalType")
}

func TestRoleDefinitions(t *testing.T) {
	a := start(t)
	a.group(t)
	principal, credential := a.newcomer(t)
	assignments, roles := a.roleClients(t)
	scope, guid := a.scope()+"/resourceGroups/"+shops, uuid.NewString()
	write := func(actions ...*string) error {
		_, err := roles.CreateOrUpdate(t.Context(), scope, guid, armauthorization.RoleDefinition{Properties: &armauthorization.RoleDefinitionProperties{
			RoleName: new("Captain"), RoleType: new("CustomRole"), Description: new("d"), AssignableScopes: []*string{&scope},
			Permissions: []*armauthorization.Permission{{Actions: actions}},
		}}, nil)
		return err
	}
	if err := write(new("Microsoft.Resources/subscriptions/resourceGroups/read")); err != nil {
		t.Fatal(err)
	}
	found := everything(t, roles.NewListPager(scope, &armauthorization.RoleDefinitionsClientListOptions{Filter: new("type eq 'CustomRole'")}),
		func(page armauthorization.RoleDefinitionsClientListResponse) []*armauthorization.RoleDefinition {
			return page.Value
		})
	if len(found) != 1 || *found[0].Name != guid || *found[0].Properties.RoleType != "CustomRole" {
		t.Fatalf("%+v", found)
	}
	one := must(roles.GetByID(t.Context(), *found[0].ID, nil))(t)
	if *one.Properties.RoleName != "Captain" || len(one.Properties.Permissions) != 1 {
		t.Errorf("%+v", one.Properties)
	}
	name := a.assign(t, guid, principal)
	theirs := must(armhybridkubernetes.NewConnectedClusterClient(a.subscription, credential, a.options()))(t)
	list := func() error {
		_, err := theirs.NewListByResourceGroupPager(shops, nil).NextPage(t.Context())
		return err
	}
	refused(t, list(), http.StatusForbidden, "AuthorizationFailed")
	if err := write(new("Microsoft.Kubernetes/connectedClusters/*")); err != nil {
		t.Fatal(err)
	}
	if err := list(); err != nil {
		t.Fatal(err)
	}
	_, err := roles.Delete(t.Context(), scope, guid, nil)
	refused(t, err, http.StatusConflict, "RoleDefinitionHasAssignments")
	_ = must(assignments.Delete(t.Context(), scope, name, nil))(t)
	if gone := must(roles.Delete(t.Context(), scope, guid, nil))(t); *gone.Properties.RoleName != "Captain" {
		t.Errorf("%+v", gone.Properties)
	}
	_, err = roles.Get(t.Context(), scope, guid, nil)
	refused(t, err, http.StatusNotFound, "RoleDefinitionDoesNotExist")
	held := everything(t, must(armauthorization.NewPermissionsClient(a.subscription, a.credential, a.options()))(t).NewListForResourceGroupPager(shops, nil),
		func(page armauthorization.PermissionsClientListForResourceGroupResponse) []*armauthorization.Permission {
			return page.Value
		})
	if len(held) != 1 || *held[0].Actions[0] != "*" {
		t.Errorf("permissions %+v", held)
	}
	denied := everything(t, must(armauthorization.NewDenyAssignmentsClient(a.subscription, a.credential, a.options()))(t).NewListPager(nil),
		func(page armauthorization.DenyAssignmentsClientListResponse) []*armauthorization.DenyAssignment {
			return page.Value
		})
	if len(denied) != 0 {
		t.Errorf("denials %+v", denied)
	}
}
