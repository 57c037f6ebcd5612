package access

import (
	"context"
	"strings"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Bounds what is remembered: principals, and the assignments of all of them together.
const (
	maxRemembered  = 4096
	maxAssignments = 50_000
)

// memory holds which roles principals had when the store was at some revision. It is no shortcut around the store: the
// revision is read at every question, so what is remembered counts only while nothing has been written since.
type memory struct {
	mutex sync.Mutex
	at    store.Revisions
	held  map[string][]heldRole
	size  int
}

// Effective returns the role assignments of a principal on all scopes: its own and those of the groups that it is
// in, directly or through other groups. Those of a disabled principal are listed, though they do not count.
func (c *Checker) Effective(ctx context.Context, principalID string) ([]Assignment, error) {
	found, err := c.Store.ResourcesAbout(ctx, AssignmentType, strings.ToLower(principalID))
	if err != nil {
		return nil, err
	}
	return readAssignments(found)
}

// roles returns what a principal has been assigned and counts now: nothing for the disabled, and nothing for an assignment of a
// role that is no more. Callers must not change it.
func (c *Checker) roles(ctx context.Context, principalID string) ([]heldRole, error) {
	now, err := c.Store.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	if held, ok := c.memory.recall(now, principalID); ok {
		return held, nil
	}
	principal, err := c.Store.GetPrincipal(ctx, principalID)
	if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
		return nil, err
	}
	var held []heldRole
	if !principal.Disabled {
		if held, err = c.resolve(ctx, principalID); err != nil {
			return nil, err
		}
	}
	c.memory.keep(now, principalID, held)
	return held, nil
}

// resolve finds the roles of all assignments that a principal has, directly or through groups.
func (c *Checker) resolve(ctx context.Context, principalID string) ([]heldRole, error) {
	assignments, err := c.Effective(ctx, principalID)
	if err != nil {
		return nil, err
	}
	var held []heldRole
	known := map[string]Role{}
	for _, assignment := range assignments {
		guid := strings.ToLower(assignment.RoleGUID())
		role, seen := known[guid]
		if !seen {
			role, err = c.Role(ctx, guid)
			if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
				return nil, err
			}
			known[guid] = role
		}
		if role.GUID != "" && !assignment.revoked() {
			held = append(held, heldRole{role, strings.ToLower(assignment.Scope)})
		}
	}
	return held, nil
}

func (m *memory) recall(now store.Revisions, id string) ([]heldRole, bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.at != now {
		return nil, false
	}
	held, ok := m.held[id]
	return held, ok
}

// keep remembers what was read after the revisions. It may be newer than they say, never older.
func (m *memory) keep(read store.Revisions, id string, held []heldRole) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.held == nil || m.at != read || len(m.held) >= maxRemembered || m.size+len(held) > maxAssignments {
		m.at, m.held, m.size = read, map[string][]heldRole{}, 0
	}
	m.held[id] = held
	m.size += len(held)
}

func readAssignments(found []store.Resource) ([]Assignment, error) {
	all := make([]Assignment, 0, len(found))
	for _, resource := range found {
		assignment, err := readAssignment(resource)
		if err != nil {
			return nil, err
		}
		all = append(all, assignment)
	}
	return all, nil
}

// rootAssignments is how the keys of assignments on "/" begin.
const rootAssignments = "/providers/" + AssignmentType + "/"

// Owners returns the principals that are owners of the root by assignments of their own, groups among them.
func (c *Checker) Owners(ctx context.Context) ([]string, error) {
	found, err := c.Store.ListResources(ctx, store.Query{Type: AssignmentType, Prefix: rootAssignments})
	if err != nil {
		return nil, err
	}
	all, err := readAssignments(found)
	var owners []string
	for _, one := range all {
		if strings.EqualFold(one.RoleGUID(), Owner) && !one.revoked() {
			owners = append(owners, strings.ToLower(one.PrincipalID))
		}
	}
	return owners, err
}
