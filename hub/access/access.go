// Package access answers one question: may this principal do this action on this scope? It reads
// role assignments from the store at every question, those of the groups that somebody is in too, so
// a revoked role and a left group are gone at once. It knows nothing of tokens (hub/token) and
// leaves the HTTP side of assignments to hub/provider.
package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// AssignmentType is the resource type of role assignments, as the store spells it.
const AssignmentType = "microsoft.authorization/roleassignments"

// Principal is the caller of a request. AppID is empty for people, UserName for all others.
type Principal struct{ ObjectID, AppID, TenantID, DisplayName, UserName string }

// Name is what documents and logs call the principal: people by user name, all others by application id, as Azure does.
func (p Principal) Name() string {
	for _, name := range []string{p.UserName, p.AppID} {
		if name != "" {
			return name
		}
	}
	return p.ObjectID
}

type contextKey struct{}

// WithPrincipal returns a context that carries the caller.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// PrincipalFrom returns the caller, if the request was authenticated.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(Principal)
	return p, ok && p.ObjectID != ""
}

// Checker decides by the role assignments in the store.
type Checker struct {
	Store *store.DB

	memory memory
}

// Check returns nil when the caller may do action on scope, Unauthenticated when there is no
// caller, and otherwise Forbidden with code AuthorizationFailed. Scope is "/" or a resource id.
func (c *Checker) Check(ctx context.Context, action, scope string) error {
	caller, granted, err := c.granted(ctx, Role.Grants, action)
	if err != nil {
		return err
	}
	for _, assigned := range granted {
		if covers(assigned, strings.ToLower(scope)) {
			return nil
		}
	}
	return refusal(caller, action, scope)
}

// Filter says which of the resources at and below a scope the caller may do an action on.
type Filter struct{ scopes []string }

// Filter is Check for lists: it is Forbidden only when the caller may do action nowhere at or
// below scope.
func (c *Checker) Filter(ctx context.Context, action, scope string) (Filter, error) {
	caller, granted, err := c.granted(ctx, Role.Grants, action)
	if err != nil {
		return Filter{}, err
	}
	var filter Filter
	for _, assigned := range granted {
		if covers(assigned, strings.ToLower(scope)) || covers(strings.ToLower(scope), assigned) {
			filter.scopes = append(filter.scopes, assigned)
		}
	}
	if len(filter.scopes) == 0 {
		return Filter{}, refusal(caller, action, scope)
	}
	return filter, nil
}

// Allows reports whether the resource with that key, or one at a scope above it, was granted.
func (f Filter) Allows(key string) bool {
	for _, scope := range f.scopes {
		if covers(scope, key) {
			return true
		}
	}
	return false
}

// Touches reports whether anything at, below or above the resource with that id was granted.
func (f Filter) Touches(id string) bool {
	key := strings.ToLower(id)
	return slices.ContainsFunc(f.scopes, func(scope string) bool { return covers(scope, key) || covers(key, scope) })
}

// CheckData is Check for an action on what is inside a resource, such as a pod of a connected cluster.
func (c *Checker) CheckData(ctx context.Context, action, scope string) error {
	caller, granted, err := c.granted(ctx, Role.GrantsData, action)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(granted, func(assigned string) bool { return covers(assigned, strings.ToLower(scope)) }) {
		return nil
	}
	return refusal(caller, action, scope)
}

// Present is nil for whoever has any role at, above or below a scope: to them it is there. The action is what the
// refusal of all others names.
func (c *Checker) Present(ctx context.Context, action, scope string) error {
	caller, held, err := c.granted(ctx, func(Role, string) bool { return true }, action)
	if err != nil {
		return err
	}
	if (Filter{held}).Touches(scope) {
		return nil
	}
	return refusal(caller, action, scope)
}

// granted returns the lower-case scopes on which the caller has a role that grants the action.
func (c *Checker) granted(ctx context.Context, grants func(Role, string) bool, action string) (Principal, []string, error) {
	caller, err := authenticated(ctx)
	if err != nil {
		return caller, nil, err
	}
	held, err := c.roles(ctx, caller.ObjectID)
	if err != nil {
		return caller, nil, err
	}
	var scopes []string
	for _, one := range held {
		if grants(one.role, action) {
			scopes = append(scopes, one.scope)
		}
	}
	return caller, scopes, nil
}

func authenticated(ctx context.Context) (Principal, error) {
	caller, ok := PrincipalFrom(ctx)
	if !ok {
		return caller, fairlead.Errorf(fairlead.Unauthenticated,
			"Authentication failed. The 'Authorization' header is missing or its token is not valid.")
	}
	return caller, nil
}

// heldRole is a role that a principal has on a scope, in lower case, and below it.
type heldRole struct {
	role  Role
	scope string
}

// Assignments returns a principal's own role assignments on all scopes, without those of its groups.
func (c *Checker) Assignments(ctx context.Context, principalID string) ([]Assignment, error) {
	found, err := c.stored(ctx, principalID)
	if err != nil {
		return nil, err
	}
	return readAssignments(found)
}

// stored returns the documents of a principal's assignments. To the store an empty subject would
// mean everybody's.
func (c *Checker) stored(ctx context.Context, principalID string) ([]store.Resource, error) {
	if principalID == "" {
		return nil, nil
	}
	found, err := c.Store.ListResources(ctx, store.Query{Type: AssignmentType, Subject: strings.ToLower(principalID)})
	if err != nil {
		return nil, fmt.Errorf("read role assignments: %w", err)
	}
	return found, nil
}

// covers reports whether key is the scope or lies below it; both are lower case.
func covers(scope, key string) bool {
	scope = strings.TrimSuffix(scope, "/")
	return key == scope || strings.HasPrefix(key, scope+"/")
}

func refusal(caller Principal, action, scope string) error {
	return fairlead.Errorf(fairlead.Forbidden, "The client '%s' with object id '%s' does not have authorization to perform action '%s' "+
		"over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.",
		cmp.Or(caller.AppID, caller.DisplayName), caller.ObjectID, action, scope)
}
