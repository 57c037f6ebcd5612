package provider

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/store"
)

const (
	// So many extensions that use a type are named.
	usersNamed = 3
	// So many extensions are read at a time.
	usersPage = 500
)

// guard keeps a type that extensions use: without it they get no new versions, and none can be chosen. Who forces the deletion knows.
func (t types) guard(ctx context.Context, stored store.Resource, query url.Values) error {
	if forced(query) {
		return nil
	}
	count, named, err := t.users(ctx, stored.Name)
	if err != nil || count == 0 {
		return err
	}
	which := strconv.Itoa(count) + " extensions use"
	if count == 1 {
		which = "1 extension uses"
	}
	if len(named) > 0 {
		which += ": " + strings.Join(named, ", ")
	}
	if more := count - len(named); more > 0 && len(named) > 0 {
		which += " and " + strconv.Itoa(more) + " more"
	}
	return fairlead.Errorf(fairlead.Conflict, "The extension type '%s' is in use and cannot be deleted; %s. Delete these first. "+
		"With 'forceDelete=true' it goes all the same: extensions of it stay as they are, and are not upgraded any more.", stored.Name, which).
		WithCode("ExtensionTypeInUse")
}

// users counts the extensions of a type that are not being deleted, and names the first that the caller may see.
func (t types) users(ctx context.Context, name string) (count int, named []string, err error) {
	query := store.Query{Type: strings.ToLower(extension.TypeName), Limit: usersPage}
	for {
		page, err := t.Store.ListResources(ctx, query)
		if err != nil {
			return 0, nil, err
		}
		for _, one := range page {
			uses, err := usesType(one, name)
			if err != nil {
				return 0, nil, err
			}
			if !uses {
				continue
			}
			count++
			if len(named) < usersNamed && t.Access.Check(ctx, extension.TypeName+"/read", one.ID) == nil {
				named = append(named, userName(one))
			}
		}
		if len(page) < usersPage {
			return count, named, nil
		}
		query.After = page[len(page)-1].Key
	}
}

func usesType(stored store.Resource, name string) (bool, error) {
	document, err := extension.Read(stored)
	return err == nil && strings.EqualFold(document.Properties.ExtensionType, name) && !document.Record.Deleted, err
}

// userName names an extension the way people do.
func userName(stored store.Resource) string {
	cluster, err := configuration.Of(stored.ID)
	if err != nil {
		return stored.ID
	}
	return "'" + stored.Name + "' on " + cluster.Name() + " in " + cluster.ResourceGroup
}
