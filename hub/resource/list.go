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
	expansion := readExpansion(r.expand)
	for _, stored := range found {
		document, err := a.render(r.Context(), r.kind, stored)
		if err != nil {
			return err
		}
		expansion.times(document, stored)
		shown.Value = append(shown.Value, document)
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// find returns one resource more than fits on the page, if there are that many.
func (a *API) find(ctx context.Context, r request, filter access.Filter) ([]store.Resource, error) {
	if r.kind.List != nil {
		all, err := r.kind.List(ctx, r.scope, r.filter)
		return readable(all, filter, r.after), err
	}
	return a.scan(ctx, r, filter)
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

// scan finds what the caller may see and the filter lets pass.
func (a *API) scan(ctx context.Context, r request, filter access.Filter) ([]store.Resource, error) {
	wanted, err := readSelector(r.filter)
	if err != nil {
		return nil, err
	}
	selection := r.selection()
	selection.After = r.after
	return a.collect(ctx, selection, r.top+1, func(stored store.Resource) (bool, error) {
		if !filter.Allows(stored.Key) {
			return false, nil
		}
		return wanted.matches(r.kind, stored)
	})
}

// collect reads on until there are as many as wanted of those that keep wants to keep.
func (a *API) collect(ctx context.Context, selection store.Query, wanted int, keep func(store.Resource) (bool, error)) ([]store.Resource, error) {
	selection.Limit = max(wanted, leastRead)
	var kept []store.Resource
	for {
		found, err := a.Store.ListResources(ctx, selection)
		if err != nil {
			return nil, err
		}
		for _, stored := range found {
			ok, err := keep(stored)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, stored)
			}
			if len(kept) == wanted {
				return kept, nil
			}
		}
		if len(found) < selection.Limit {
			return kept, nil
		}
		selection.After = found[len(found)-1].Key
	}
}

// leastRead is how many resources are read at once, however few are wanted of them.
const leastRead = 100

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
