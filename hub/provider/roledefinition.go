package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

const (
	readDefinitions   = "Microsoft.Authorization/roleDefinitions/read"
	writeDefinitions  = "Microsoft.Authorization/roleDefinitions/write"
	deleteDefinitions = "Microsoft.Authorization/roleDefinitions/delete"
	writeAssignments  = "Microsoft.Authorization/roleAssignments/write"
)

func authorizationVersions() []string {
	return []string{
		"2015-07-01", "2018-01-01-preview", "2018-07-01-preview", "2018-09-01-preview", "2020-03-01-preview", "2020-04-01-preview",
		"2020-08-01-preview", "2020-10-01", "2020-10-01-preview", "2022-04-01", "2022-05-01-preview",
	}
}

// definitions are the built-in roles of hub/access and the tenant's own. A role is one thing that is seen on
// many scopes, so the engine's rule that an id is a place does not fit.
type definitions struct {
	Deps

	writing *sync.Mutex // names and uses are looked up before a change
}

func roleDefinitions(deps Deps) resource.Type {
	kind := definitions{deps, &sync.Mutex{}}
	return resource.Type{
		Name:        "Microsoft.Authorization/roleDefinitions",
		Level:       resource.Anywhere,
		APIVersions: authorizationVersions(),
		Serve:       kind.serve,
	}
}

func (d definitions) serve(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	switch {
	case at.Collection && r.Method == http.MethodGet:
		return d.list(w, r, at)
	case at.Collection:
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return d.show(w, r, at)
	case r.Method == http.MethodPut:
		return d.put(w, r, at)
	case r.Method == http.MethodDelete:
		return d.delete(w, r, at)
	}
	return fairlead.Errorf(fairlead.MethodNotAllowed, "Role definitions do not support the method %s here.", r.Method)
}

// list shows the roles that can be given on a scope: those built in, and the tenant's own for that scope; with
// atScopeAndBelow() also those for scopes below it.
func (d definitions) list(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	terms, err := readFilter(at.Filter)
	if err != nil {
		return err
	}
	custom, err := d.visible(r.Context(), at.Scope)
	if err != nil {
		return err
	}
	_, below := terms["atscopeandbelow"]
	shown := list[resource.Document]{Value: []resource.Document{}}
	for _, role := range append(access.Roles(), custom...) {
		if here := role.Assignable(at.Scope) || below && reaches(role, at.Scope); !here || !wantedRole(role, terms) {
			continue
		}
		document, err := d.document(r.Context(), at.Scope, role)
		if err != nil {
			return err
		}
		shown.Value = append(shown.Value, document)
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

func wantedRole(role access.Role, terms map[string]string) bool {
	name, named := terms["rolename"]
	kind, typed := terms["type"]
	return (!named || strings.EqualFold(name, role.Name)) && (!typed || strings.EqualFold(kind, "CustomRole") == role.Custom)
}

// reaches reports whether a role can be given somewhere below a scope.
func reaches(role access.Role, scope string) bool {
	asked := strings.TrimSuffix(strings.ToLower(scope), "/") + "/"
	for _, assignable := range role.AssignableScopes {
		if strings.HasPrefix(strings.ToLower(assignable)+"/", asked) {
			return true
		}
	}
	return false
}

// visible returns the custom roles for scopes in which the caller has a role that reads definitions. Forbidden
// says that they have none in the scope.
func (d definitions) visible(ctx context.Context, scope string) ([]access.Role, error) {
	if _, err := d.Access.Filter(ctx, readDefinitions, scope); err != nil {
		return nil, err
	}
	everywhere, err := d.Access.Filter(ctx, readDefinitions, "/")
	if err != nil {
		return nil, err
	}
	all, err := d.Access.CustomRoles(ctx)
	if err != nil {
		return nil, err
	}
	var found []access.Role
	for _, role := range all {
		if slices.ContainsFunc(role.AssignableScopes, everywhere.Touches) {
			found = append(found, role)
		}
	}
	return found, nil
}

func (d definitions) show(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	custom, err := d.visible(r.Context(), at.Scope)
	if err != nil {
		return err
	}
	for _, role := range append(access.Roles(), custom...) {
		if !strings.EqualFold(role.GUID, at.ID.Name()) || !role.Assignable(at.Scope) && !reaches(role, at.Scope) {
			continue
		}
		return d.answer(w, r, http.StatusOK, at.Scope, role)
	}
	return access.NoRole(at.ID.Name())
}

func (d definitions) answer(w http.ResponseWriter, r *http.Request, status int, scope string, role access.Role) error {
	document, err := d.document(r.Context(), scope, role)
	if err != nil {
		return err
	}
	reply.JSON(w, status, document)
	return nil
}

// document shows a role with the id that it has in the scope's subscription.
func (d definitions) document(ctx context.Context, scope string, role access.Role) (resource.Document, error) {
	content, err := json.Marshal(map[string]any{"properties": role.Document()})
	if err != nil {
		return nil, err
	}
	document, err := resource.ReadDocument(content)
	if err != nil {
		return nil, err
	}
	subscription := ""
	if id, err := fairlead.ParseResourceID(scope); err == nil {
		subscription = id.Subscription
	}
	document["id"], document["name"], document["type"] = access.RoleID(subscription, role.GUID), role.GUID, "Microsoft.Authorization/roleDefinitions"
	if !role.Custom {
		return document, nil
	}
	stored, err := d.Store.GetResource(ctx, access.RoleKey(role.GUID))
	if err == nil {
		showChanges(stored, document)
	}
	return document, err
}

// showChanges says who made and changed what is about access, and when, as Azure does.
func showChanges(stored store.Resource, shown resource.Document) {
	shown.Set("properties.createdOn", stored.CreatedAt.Format(time.RFC3339Nano))
	shown.Set("properties.updatedOn", stored.UpdatedAt.Format(time.RFC3339Nano))
	shown.Set("properties.createdBy", stored.CreatedBy)
	shown.Set("properties.updatedBy", stored.UpdatedBy)
}
