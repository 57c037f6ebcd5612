package access

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// RoleType is the resource type under which the store keeps custom roles.
const RoleType = "microsoft.authorization/roledefinitions"

// roleDocument is a custom role as it is stored, and as Azure shows roles.
type roleDocument struct {
	Properties roleProperties `json:"properties"`
}

type roleProperties struct {
	Name             string       `json:"roleName"`
	Type             string       `json:"type"`
	Description      string       `json:"description"`
	AssignableScopes []string     `json:"assignableScopes"`
	Permissions      []Permission `json:"permissions"`
}

// RoleKey returns the store's key of a custom role: it belongs to the tenant, on whatever scope it was made.
func RoleKey(guid string) string { return "/providers/" + RoleType + "/" + strings.ToLower(guid) }

// Document returns the role's properties as Azure shows them.
func (r Role) Document() any {
	shown := roleProperties{
		Name: r.Name, Type: "BuiltInRole", Description: r.Description, AssignableScopes: []string{"/"}, Permissions: make([]Permission, 0, len(r.Permissions)),
	}
	if r.Custom {
		shown.Type, shown.AssignableScopes = "CustomRole", r.AssignableScopes
	}
	for _, p := range r.Permissions {
		shown.Permissions = append(shown.Permissions, p.complete())
	}
	return shown
}

// complete has empty lists where there are none: clients read them without asking.
func (p Permission) complete() Permission {
	for _, list := range []*[]string{&p.Actions, &p.NotActions, &p.DataActions, &p.NotDataActions} {
		if *list == nil {
			*list = []string{}
		}
	}
	return p
}

// ReadRole reads a custom role as the store keeps it.
func ReadRole(stored store.Resource) (Role, error) {
	var document roleDocument
	if err := json.Unmarshal(stored.Body, &document); err != nil {
		return Role{}, fmt.Errorf("role definition %s: %w", stored.Key, err)
	}
	p := document.Properties
	return Role{
		GUID: stored.Name, Name: p.Name, Description: p.Description, Custom: true,
		AssignableScopes: p.AssignableScopes, Permissions: p.Permissions,
	}, nil
}

// Role returns a built-in or custom role, or NotFound with code RoleDefinitionDoesNotExist.
func (c *Checker) Role(ctx context.Context, guid string) (Role, error) {
	if role, ok := RoleByGUID(guid); ok {
		return role, nil
	}
	stored, err := c.Store.GetResource(ctx, RoleKey(guid))
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return Role{}, NoRole(guid)
	}
	if err != nil {
		return Role{}, fmt.Errorf("read role definition: %w", err)
	}
	return ReadRole(stored)
}

// NoRole says that there is no role of that GUID to give.
func NoRole(guid string) error {
	return fairlead.Errorf(fairlead.NotFound, "The specified role definition with ID '%.64s' does not exist.", strings.ReplaceAll(guid, "-", "")).
		WithCode("RoleDefinitionDoesNotExist")
}

// CustomRoles returns all custom roles, by their GUIDs.
func (c *Checker) CustomRoles(ctx context.Context) ([]Role, error) {
	stored, err := c.Store.ListResources(ctx, store.Query{Type: RoleType})
	if err != nil {
		return nil, fmt.Errorf("read role definitions: %w", err)
	}
	roles := make([]Role, 0, len(stored))
	for _, one := range stored {
		role, err := ReadRole(one)
		if err != nil {
			return nil, err
		}
		roles = append(roles, role)
	}
	return roles, nil
}
