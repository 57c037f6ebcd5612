package resource

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// across lists the resources of a subscription or group, whatever their types: those that the caller may read, without
// their properties. Like the other paths that all providers share, it takes any api-version.
func (a *API) across(w http.ResponseWriter, r *http.Request) error {
	scope, q, err := readScope(r)
	if err != nil {
		return err
	}
	wanted, err := readSelector(q.filter)
	if err != nil {
		return err
	}
	readers, err := a.readers(r.Context(), scope, "resources")
	if err != nil {
		return err
	}
	selection := store.Query{Subscription: strings.ToLower(scope.Subscription), ResourceGroup: strings.ToLower(scope.ResourceGroup), Type: wanted.kind(), After: q.after}
	found, err := a.collect(r.Context(), selection, q.top+1, func(stored store.Resource) (bool, error) {
		kind := a.kind(stored.Type)
		if kind == nil || !kind.tracked(stored) || !readers[kind.key()].Allows(stored.Key) {
			return false, nil
		}
		return wanted.matches(kind, stored)
	})
	if err != nil {
		return err
	}
	shown := page{Value: []Document{}}
	if len(found) > q.top {
		found = found[:q.top]
		next := origin.URL(r.Context(), a.URL) + r.URL.Path + "?" + q.next(found[q.top-1].Key, q.top)
		shown.NextLink = &next
	}
	expansion := readExpansion(q.expand)
	for _, stored := range found {
		document, err := a.brief(stored, expansion)
		if err != nil {
			return err
		}
		shown.Value = append(shown.Value, document)
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// readScope reads the subscription or group of a path whose pattern names them, and the query.
func readScope(r *http.Request) (fairlead.ResourceID, query, error) {
	named := fairlead.ResourceID{Subscription: r.PathValue("subscription"), ResourceGroup: r.PathValue("group")}
	scope, err := fairlead.ParseResourceID(named.String())
	if err != nil {
		return scope, query{}, err
	}
	q, err := readQuery(r.URL.RawQuery)
	return scope, q, err
}

// readers returns, by type, what the caller may read in a scope that exists. Who may read nothing of any type there is refused.
func (a *API) readers(ctx context.Context, scope fairlead.ResourceID, what string) (map[string]access.Filter, error) {
	readers := map[string]access.Filter{}
	for key, kind := range a.kinds {
		filter, err := a.Access.Filter(ctx, kind.action("read"), scope.String())
		switch {
		case err == nil:
			readers[key] = filter
		case fairlead.KindOf(err) != fairlead.Forbidden:
			return nil, err
		}
	}
	if len(readers) == 0 {
		return nil, a.Access.Check(ctx, "Microsoft.Resources/subscriptions/"+what+"/read", scope.String())
	}
	return readers, a.scopeExists(ctx, scope)
}

func (a *API) scopeExists(ctx context.Context, scope fairlead.ResourceID) error {
	if err := a.parents(ctx, target{id: fairlead.ResourceID{Subscription: scope.Subscription}}); err != nil || scope.ResourceGroup == "" {
		return err
	}
	exists, err := a.exists(ctx, scope.Key())
	if err == nil && !exists {
		return missingGroup(scope)
	}
	return err
}

// tracked reports whether a resource stands in lists across types: it lives in a group by itself, and not on another resource.
func (t *Type) tracked(stored store.Resource) bool {
	id, err := fairlead.ParseResourceID(stored.Key)
	return err == nil && t.Level == InGroup && id.Scope == "" && (len(id.Types) == 1 || len(t.Locations) > 0)
}

// brief is a document without properties, which only its type can explain.
func (a *API) brief(stored store.Resource, expansion expansion) (Document, error) {
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return nil, err
	}
	if expansion.state {
		document["provisioningState"] = document.Text(statePath)
	}
	delete(document, "properties")
	document["id"], document["name"], document["type"] = stored.ID, stored.Name, a.kind(stored.Type).Name
	expansion.times(document, stored)
	return document, nil
}

// expansion is what $expand adds to the members of a list. Words that it does not know are for types to come.
type expansion struct{ created, changed, state bool }

func readExpansion(text string) expansion {
	var found expansion
	for word := range strings.SplitSeq(strings.ToLower(text), ",") {
		switch strings.TrimSpace(word) {
		case "createdtime":
			found.created = true
		case "changedtime":
			found.changed = true
		case "provisioningstate":
			found.state = true
		}
	}
	return found
}

func (e expansion) times(document Document, stored store.Resource) {
	if e.created {
		document["createdTime"] = stored.CreatedAt.Format(time.RFC3339Nano)
	}
	if e.changed {
		document["changedTime"] = stored.UpdatedAt.Format(time.RFC3339Nano)
	}
}
