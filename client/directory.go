package client

import (
	"context"
	"net/url"
)

// The paths of the directory, as Microsoft Graph has them.
const (
	UsersPath   = "/v1.0/users"
	GroupsPath  = "/v1.0/groups"
	MePath      = "/v1.0/me"
	ObjectsPath = "/v1.0/directoryObjects"
)

// objectsPage is how many directory objects are asked for at once: as many as Graph allows.
const objectsPage = "999"

// Objects lists the directory objects at a path that match a filter; all when it is empty.
func (h *Hub) Objects(ctx context.Context, path, filter string) ([]Document, error) {
	query := url.Values{"$top": {objectsPage}}
	if filter != "" {
		query.Set("$filter", filter)
	}
	return h.List(ctx, path, "", query)
}

// ObjectsByID returns those of the directory objects with these ids that exist, of any kind.
func (h *Hub) ObjectsByID(ctx context.Context, ids []string) ([]Document, error) {
	all := []Document{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), maxIDs)]
		ids = ids[len(some):]
		var found struct {
			Value []Document `json:"value"`
		}
		response, err := h.Do(ctx, Call{Method: "POST", Path: ObjectsPath + "/getByIds", Body: Document{"ids": some}, Repeatable: true})
		if err == nil {
			err = response.Decode(&found)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found.Value...)
	}
	return all, nil
}

// maxIDs is how many ids Graph looks up at once.
const maxIDs = 1000
