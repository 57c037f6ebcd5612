package provider

import (
	"encoding/json"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

func authorizationVersions() []string {
	return []string{
		"2015-07-01", "2018-01-01-preview", "2018-09-01-preview", "2020-03-01-preview", "2020-04-01-preview",
		"2020-08-01-preview", "2020-10-01", "2020-10-01-preview", "2022-04-01", "2022-05-01-preview",
	}
}

// roleDefinitions are the built-in roles of hub/access.
func roleDefinitions() resource.Type {
	return resource.Type{
		Name:        "Microsoft.Authorization/roleDefinitions",
		Level:       resource.Anywhere,
		APIVersions: authorizationVersions(),
		BuiltIn:     builtInRoles,
	}
}

// builtInRoles understands the filters roleName eq '…' and type eq '…'; atScope() changes nothing.
func builtInRoles(scope, filter string) ([]store.Resource, error) {
	terms, err := readFilter(filter)
	if err != nil {
		return nil, err
	}
	var found []store.Resource
	for _, role := range access.Roles() {
		wanted, named := terms["rolename"]
		kind, typed := terms["type"]
		if named && !strings.EqualFold(wanted, role.Name) || typed && !strings.EqualFold(kind, "BuiltInRole") {
			continue
		}
		shown, err := definition(scope, role)
		if err != nil {
			return nil, err
		}
		found = append(found, shown)
	}
	return found, nil
}

type permission struct {
	Actions        []string `json:"actions"`
	NotActions     []string `json:"notActions"`
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions"`
}

func definition(scope string, role access.Role) (store.Resource, error) {
	body, err := json.Marshal(map[string]any{"properties": map[string]any{
		"roleName": role.Name, "type": "BuiltInRole", "description": role.Description, "assignableScopes": []string{"/"},
		"permissions": []permission{{role.Actions, orEmpty(role.NotActions), []string{}, []string{}}},
	}})
	if err != nil {
		return store.Resource{}, err
	}
	subscription := ""
	if id, err := fairlead.ParseResourceID(scope); err == nil {
		subscription = id.Subscription
	}
	id := access.RoleID(subscription, role.GUID)
	return store.Resource{Key: strings.ToLower(id), ID: id, Name: role.GUID, Body: body}, nil
}
