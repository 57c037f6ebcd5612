package graph

import (
	"context"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// mayOnEveryRole checks an action on every scope where the principal has a role, itself or by a group, also while it
// is disabled: to make a secret for a principal, to set a password or to join a group is to get its roles, to
// delete or disable it is to take them away, and neither may be a way around hub/access.
func (a *API) mayOnEveryRole(ctx context.Context, action, objectID string) error {
	roles, err := a.Access.Effective(ctx, objectID)
	if err != nil {
		return err
	}
	for _, role := range roles {
		if err := a.Access.Check(ctx, action, role.Scope); err != nil {
			return err
		}
	}
	return nil
}

// keepOwner refuses to let the last owner of the root go: nobody could give roles any more. Owners by a group do not
// count, as a group is soon emptied, and neither do disabled ones.
func (a *API) keepOwner(ctx context.Context, objectID string) error {
	owner, err := a.ownsRoot(ctx, objectID)
	if err != nil || !owner {
		return err
	}
	owners, err := a.Access.Owners(ctx)
	if err != nil {
		return err
	}
	for _, id := range owners {
		other, err := a.Store.GetPrincipal(ctx, id)
		switch {
		case fairlead.KindOf(err) == fairlead.NotFound:
			continue
		case err != nil:
			return err
		case other.ObjectID != objectID && other.Kind != store.Group && !other.Disabled:
			return nil
		}
	}
	return fairlead.Errorf(fairlead.Conflict, "'%s' is the last owner of the scope '/': make somebody else an owner first", objectID)
}

func (a *API) ownsRoot(ctx context.Context, objectID string) (bool, error) {
	roles, err := a.Access.Assignments(ctx, objectID)
	return slices.ContainsFunc(roles, func(role access.Assignment) bool {
		return role.Scope == root && strings.EqualFold(role.RoleGUID(), access.Owner)
	}), err
}
