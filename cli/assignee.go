package cli

import (
	"context"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// findAssignee returns the object id of whom a role assignment is about: a user by principal name, anybody by object
// id, a service principal by application id, and, when only one is called so, anybody by display name.
func findAssignee(ctx context.Context, hub *signedIn, wanted string) (string, error) {
	searches := []struct{ path, property string }{
		{client.PrincipalsPath, "appId"},
		{client.PrincipalsPath, "id"},
		{client.UsersPath, "id"},
		{client.GroupsPath, "id"},
	}
	if strings.Contains(wanted, "@") {
		searches = []struct{ path, property string }{{client.UsersPath, "userPrincipalName"}}
	}
	for _, search := range searches {
		found, err := hub.Objects(ctx, search.path, client.PrincipalFilter(search.property, wanted))
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return text(found[0], "id"), nil
		}
	}
	return findNamed(ctx, hub, wanted)
}

func findNamed(ctx context.Context, hub *signedIn, wanted string) (string, error) {
	var named []client.Document
	for _, path := range []string{client.PrincipalsPath, client.GroupsPath, client.UsersPath} {
		found, err := hub.Objects(ctx, path, client.PrincipalFilter("displayName", wanted))
		if err != nil {
			return "", err
		}
		named = append(named, found...)
	}
	switch len(named) {
	case 1:
		return text(named[0], "id"), nil
	case 0:
		return "", fairlead.Errorf(fairlead.NotFound, "there is no user, group or service principal with the principal name, application id, object id or name %q; "+
			"see fairlead ad user|group|sp list, or give --assignee-object-id", wanted).WithCode("Request_ResourceNotFound")
	}
	return "", fairlead.Errorf(fairlead.Invalid, "%d users, groups and service principals are called %q: give --assignee-object-id", len(named), wanted)
}

// namePrincipals adds the names of principals, as az does. Without the right to read principals, or for those that
// are no more, the ids have to do.
func namePrincipals(ctx context.Context, hub *signedIn, assignments []client.Document) {
	ids := make([]string, 0, len(assignments))
	for _, one := range assignments {
		properties, _ := one["properties"].(map[string]any)
		ids = append(ids, text(properties, "principalId"))
	}
	all, err := hub.ObjectsByID(ctx, ids)
	if err != nil {
		return
	}
	named := map[string]string{}
	for _, principal := range all {
		named[strings.ToLower(text(principal, "id"))] = first(text(principal, "userPrincipalName"), text(principal, "displayName"))
	}
	for _, one := range assignments {
		properties, _ := one["properties"].(map[string]any)
		if name := named[strings.ToLower(text(properties, "principalId"))]; name != "" {
			properties["principalName"] = name
		}
	}
}
