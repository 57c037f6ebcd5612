package provider

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/resource"
)

// extensionEvents are what happened to an extension in its cluster. Nobody makes or changes one by a request.
func extensionEvents(deps Deps) resource.Type {
	kind := sequel{
		Deps: deps, of: extension.TypeName, owner: "extension", noun: "Events of extensions", below: "events", topic: extension.EventsKey,
		list: func(ctx context.Context, cluster, name string, since int64) (sequelPage, error) {
			stored, err := deps.Store.ListExtensionEvents(ctx, cluster, name, since, sequelSize)
			page := sequelPage{Value: []json.RawMessage{}, Next: since}
			for _, one := range stored {
				page.Value, page.Next = append(page.Value, one.Event), one.Sequence
			}
			return page, err
		},
	}
	return resource.Type{
		Name: extension.TypeName + "/events", Level: resource.Anywhere, APIVersions: extensionVersions(), Serve: kind.serve,
	}
}
