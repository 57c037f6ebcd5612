package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// Limits on custom roles. Azure allows more of them (5,000 in a tenant, 2,000 scopes each), but then every list
// of roles, which has no pages, would grow without a sensible bound.
const (
	maxRoles       = 500
	maxRoleName    = 512
	maxRoleText    = 2048
	maxRoleScopes  = 200
	maxRoleParts   = 16
	maxRoleActions = 1000
	maxRoleBody    = 128 << 10
)

func guidPattern() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
}

// put makes or changes a custom role. Azure answers 201 to both.
func (d definitions) put(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	role, err := d.sent(w, r, at)
	if err != nil {
		return err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	before, err := d.custom(r.Context(), role.GUID)
	if err != nil {
		return err
	}
	for _, check := range []func(context.Context, access.Role, access.Role) error{d.mayWrite, d.placed, d.mayGrant, d.unique, d.stillCovered} {
		if err := check(r.Context(), before, role); err != nil {
			return err
		}
	}
	if err := d.save(r.Context(), role); err != nil {
		return err
	}
	return d.answer(w, r, http.StatusCreated, at.Scope, role)
}

// custom returns the custom role with that GUID, an empty one when there is none.
func (d definitions) custom(ctx context.Context, guid string) (access.Role, error) {
	role, err := d.Access.Role(ctx, guid)
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return access.Role{}, nil
	}
	if err == nil && !role.Custom {
		return role, fairlead.Errorf(fairlead.Forbidden, "The role '%s' is built in and cannot be changed or deleted.", role.Name).
			WithCode("BuiltInRoleUpdateNotAllowed")
	}
	return role, err
}

// sent reads and validates the role of a request.
func (d definitions) sent(w http.ResponseWriter, r *http.Request, at resource.Place) (access.Role, error) {
	if !guidPattern().MatchString(at.ID.Name()) {
		return access.Role{}, fairlead.Errorf(fairlead.Invalid, "The role definition id '%.64s' is not a GUID.", at.ID.Name()).WithCode("InvalidRoleDefinitionId")
	}
	content, err := reply.Body(w, r, maxRoleBody)
	if err != nil {
		return access.Role{}, err
	}
	return readRole(strings.ToLower(at.ID.Name()), content)
}

// readRole reads what a client sends as a custom role. What the role shall mean must be understood to the
// last word, so conditions, which are not, are refused.
func readRole(guid string, content []byte) (access.Role, error) {
	document, err := resource.ReadDocument(content)
	if err != nil {
		return access.Role{}, err
	}
	var sent struct {
		Properties struct {
			RoleName, Type, Description string
			AssignableScopes            []string
			Permissions                 []struct {
				access.Permission
				Condition, ConditionVersion *string
			}
		}
	}
	if err := document.Decode(&sent); err != nil {
		return access.Role{}, err
	}
	p := sent.Properties
	role := access.Role{GUID: guid, Name: strings.TrimSpace(p.RoleName), Description: p.Description, Custom: true}
	if p.Type != "" && !strings.EqualFold(p.Type, "CustomRole") {
		return role, badRole("InvalidRoleDefinitionType", "The type of a role definition that you make is CustomRole.")
	}
	for _, part := range p.Permissions {
		if part.Condition != nil && *part.Condition != "" {
			return role, noConditions()
		}
		role.Permissions = append(role.Permissions, part.Permission)
	}
	for _, scope := range p.AssignableScopes {
		role.AssignableScopes = append(role.AssignableScopes, strings.TrimSuffix(scope, "/"))
	}
	return role, validRole(role)
}

func noConditions() error {
	return badRole("ConditionsNotSupported", "This hub does not evaluate conditions, and grants nothing that it cannot judge: leave 'condition' out.")
}

func badRole(code, format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode(code)
}

func validRole(role access.Role) error {
	switch {
	case role.Name == "" || len(role.Name) > maxRoleName:
		return badRole("RoleDefinitionNameNullOrEmpty", "A role needs a name (roleName) of at most %d bytes.", maxRoleName)
	case len(role.Description) > maxRoleText:
		return badRole("InvalidRoleDefinitionDescription", "The description of a role has at most %d bytes.", maxRoleText)
	case len(role.Permissions) == 0 || len(role.Permissions) > maxRoleParts:
		return badRole("RoleDefinitionPermissionsMissing", "A role needs between 1 and %d permissions.", maxRoleParts)
	case len(role.AssignableScopes) == 0 || len(role.AssignableScopes) > maxRoleScopes:
		return badRole("MissingAssignableScopes", "A role needs between 1 and %d assignableScopes: subscriptions, resource groups or resources.", maxRoleScopes)
	}
	count := 0
	for _, part := range role.Permissions {
		for _, action := range slices.Concat(part.Actions, part.NotActions, part.DataActions, part.NotDataActions) {
			if count++; count > maxRoleActions || !validAction(action) {
				return badRole("InvalidActionOrNotAction", "'%.128s' is not an action such as Microsoft.Kubernetes/connectedClusters/read, where * stands for any text, or is one of more than %d.",
					action, maxRoleActions)
			}
		}
	}
	return nil
}

// validAction accepts the form of actions only: which there are is known to their providers, here and elsewhere.
func validAction(action string) bool {
	return action == "*" || len(action) <= 256 && regexp.MustCompile(`^(\*|[A-Za-z0-9._-]+)(/(\*|[A-Za-z0-9._*-]+))+$`).MatchString(action)
}

// mayWrite demands the right to write roles on every scope that the role has or had.
func (d definitions) mayWrite(ctx context.Context, before, role access.Role) error {
	return d.allowed(ctx, writeDefinitions, slices.Concat(before.AssignableScopes, role.AssignableScopes))
}

func (d definitions) allowed(ctx context.Context, action string, scopes []string) error {
	for _, scope := range scopes {
		if err := d.Access.Check(ctx, action, scope); err != nil {
			return err
		}
	}
	return nil
}

// placed demands that the scopes exist. As in Azure, a role of one's own is never for the whole tenant.
func (d definitions) placed(ctx context.Context, _, role access.Role) error {
	for _, scope := range role.AssignableScopes {
		id, err := fairlead.ParseResourceID(scope)
		if err == nil {
			_, err = d.Store.GetResource(ctx, id.Key())
		}
		if err != nil && fairlead.KindOf(err) == fairlead.Internal {
			return err
		}
		if err != nil {
			return badRole("InvalidAssignableScope", "The assignable scope '%.256s' is not a subscription, resource group or resource of this hub.", scope+"/")
		}
	}
	return nil
}

// mayGrant keeps those who write roles from giving themselves more: whoever may not assign roles on all of
// the role's scopes can put nothing into it that they do not have there.
func (d definitions) mayGrant(ctx context.Context, before, role access.Role) error {
	for _, scope := range slices.Concat(before.AssignableScopes, role.AssignableScopes) {
		refused := d.Access.Check(ctx, writeAssignments, scope)
		if refused == nil {
			continue
		}
		if fairlead.KindOf(refused) != fairlead.Forbidden {
			return refused
		}
		held, err := d.Access.Permissions(ctx, scope)
		if err != nil {
			return err
		}
		if !access.Within(role.Permissions, held) {
			return refused
		}
	}
	return nil
}

func (d definitions) unique(ctx context.Context, before, role access.Role) error {
	custom, err := d.Access.CustomRoles(ctx)
	if err != nil {
		return err
	}
	if before.GUID == "" && len(custom) >= maxRoles {
		return fairlead.Errorf(fairlead.Conflict, "Role definition limit exceeded. No more role definitions can be created: there are %d.", maxRoles).
			WithCode("RoleDefinitionLimitExceeded")
	}
	for _, other := range append(access.Roles(), custom...) {
		if other.GUID != role.GUID && strings.EqualFold(other.Name, role.Name) {
			return fairlead.Errorf(fairlead.Conflict, "A role with the name '%.128s' exists already in this directory, with id %s.", role.Name, other.GUID).
				WithCode("RoleDefinitionWithSameNameExists")
		}
	}
	return nil
}

// stillCovered keeps the scopes on which the role has been given.
func (d definitions) stillCovered(ctx context.Context, before, role access.Role) error {
	if before.GUID == "" {
		return nil
	}
	uses, err := d.uses(ctx, role.GUID)
	if err != nil {
		return err
	}
	for _, use := range uses {
		if !role.Assignable(use.Scope) {
			return inUse("The role is assigned on '%s', which the new assignableScopes leave out: remove that assignment first.", use.Scope)
		}
	}
	return nil
}

func inUse(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Conflict, format, args...).WithCode("RoleDefinitionHasAssignments")
}

func (d definitions) uses(ctx context.Context, guid string) ([]access.Assignment, error) {
	all, err := d.Access.Everybody(ctx)
	return slices.DeleteFunc(all, func(a access.Assignment) bool { return !strings.EqualFold(a.RoleGUID(), guid) }), err
}

func (d definitions) save(ctx context.Context, role access.Role) error {
	body, err := json.Marshal(map[string]any{"properties": role.Document()})
	if err != nil {
		return err
	}
	caller, _ := access.PrincipalFrom(ctx)
	_, err = d.Store.PutResource(ctx, store.Resource{
		Key: access.RoleKey(role.GUID), ID: access.RoleID("", role.GUID), Type: access.RoleType, Name: role.GUID, Body: body,
		UpdatedAt: d.Now(), UpdatedBy: caller.AppID,
	}, store.AnyState)
	return err
}

// delete forgets a custom role that nobody has, and answers with it.
func (d definitions) delete(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	role, err := d.custom(r.Context(), at.ID.Name())
	if err != nil {
		return err
	}
	if role.GUID == "" {
		if err := d.Access.Check(r.Context(), deleteDefinitions, at.Scope); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err := d.allowed(r.Context(), deleteDefinitions, role.AssignableScopes); err != nil {
		return err
	}
	uses, err := d.uses(r.Context(), role.GUID)
	if err != nil {
		return err
	}
	if len(uses) > 0 {
		return inUse("There are existing role assignments referencing role, such as that on '%s': remove them first.", uses[0].Scope)
	}
	document, err := d.document(r.Context(), at.Scope, role)
	if err != nil {
		return err
	}
	if err := d.Store.DeleteResource(r.Context(), access.RoleKey(role.GUID), store.AnyState); err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, document)
	return nil
}
