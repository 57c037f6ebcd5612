package resource

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// page is Azure's list; nextLink is null on the last page.
type page struct {
	Value    []Document `json:"value"`
	NextLink *string    `json:"nextLink"`
}

// list shows what the caller may read in a scope, one page at a time.
func (a *API) list(w http.ResponseWriter, r request) error {
	filter, err := a.Access.Filter(r.Context(), r.kind.action("read"), r.scope)
	if err != nil {
		return err
	}
	if err := a.parents(r.Context(), target{kind: r.kind, id: r.id}); err != nil {
		return err
	}
	found, err := a.find(r.Context(), r, filter)
	if err != nil {
		return err
	}
	shown := page{Value: []Document{}}
	if len(found) > r.top {
		found = found[:r.top]
		next := origin.URL(r.Context(), a.URL) + r.URL.Path + "?" + r.next(found[r.top-1].Key, r.top)
		shown.NextLink = &next
	}
	for _, stored := range found {
		document, err := a.render(r.Context(), r.kind, stored)
		if err != nil {
			return err
		}
		shown.Value = append(shown.Value, document)
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// find returns one resource more than fits on the page, if there are that many.
func (a *API) find(ctx context.Context, r request, filter access.Filter) ([]store.Resource, error) {
	switch {
	case r.kind.BuiltIn != nil:
		return r.kind.BuiltIn(r.scope, r.filter)
	case r.kind.List != nil:
		all, err := r.kind.List(ctx, r.scope, r.filter)
		return readable(all, filter, r.after), err
	default:
		return a.scan(ctx, r, filter)
	}
}

func readable(all []store.Resource, filter access.Filter, after string) []store.Resource {
	var kept []store.Resource
	for _, resource := range all {
		if resource.Key > after && filter.Allows(resource.Key) {
			kept = append(kept, resource)
		}
	}
	slices.SortFunc(kept, func(x, y store.Resource) int { return strings.Compare(x.Key, y.Key) })
	return kept
}

// scan reads on until the page is full of what the caller may see.
func (a *API) scan(ctx context.Context, r request, filter access.Filter) ([]store.Resource, error) {
	selection := r.selection()
	selection.After, selection.Limit = r.after, r.top+1
	var kept []store.Resource
	for {
		found, err := a.Store.ListResources(ctx, selection)
		if err != nil {
			return nil, err
		}
		kept = append(kept, readable(found, filter, "")...)
		if len(found) < selection.Limit || len(kept) > r.top {
			return kept, nil
		}
		selection.After = found[len(found)-1].Key
	}
}

func (r request) selection() store.Query {
	selection := store.Query{Type: r.kind.key(), Subscription: strings.ToLower(r.id.Subscription)}
	switch {
	case r.id.Scope != "" || len(r.id.Types) > 1:
		selection.Prefix = strings.TrimSuffix(r.id.Key(), "_")
	case r.id.Namespace != "":
		selection.ResourceGroup = strings.ToLower(r.id.ResourceGroup)
	}
	return selection
}
