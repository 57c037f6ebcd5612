package access

import (
	"context"
	"slices"
	"strings"
)

// DataGrant is what a role lets its holder do to what is inside the resources at and below a scope. Both lists hold patterns,
// as in Permission.
type DataGrant struct {
	Scope                       string // lower case, without a slash at the end
	DataActions, NotDataActions []string
}

// DataGrants returns what a principal's roles, those of its groups among them, grant inside a resource: on scopes at and
// above it, and on those below it. Nothing is listed twice, and the order depends on nothing but what is granted.
func (c *Checker) DataGrants(ctx context.Context, principalID, scope string) ([]DataGrant, error) {
	held, err := c.roles(ctx, principalID)
	if err != nil {
		return nil, err
	}
	key, seen := strings.ToLower(scope), map[[2]string]bool{}
	var found []DataGrant
	for _, one := range held {
		at := [2]string{strings.TrimSuffix(one.scope, "/"), one.role.GUID}
		if seen[at] || !covers(one.scope, key) && !covers(key, one.scope) {
			continue
		}
		seen[at] = true
		for _, p := range one.role.Permissions {
			if len(p.DataActions) > 0 {
				found = append(found, DataGrant{at[0], p.DataActions, p.NotDataActions})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b DataGrant) int {
		if by := strings.Compare(a.Scope, b.Scope); by != 0 {
			return by
		}
		return slices.Compare(a.DataActions, b.DataActions)
	})
	return found, nil
}
