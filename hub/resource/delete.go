package resource

import (
	"context"
	"net/http"
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// delete accepts the deletion of a resource and of all below it: 200 when that is done soon, 202
// when it goes on, 204 when there is nothing to delete. A group that is not there is an error, and
// the deletion of one always an operation: that is what its clients know.
func (a *API) delete(w http.ResponseWriter, r request) error {
	op, err := a.acceptDeletion(r.Context(), r)
	if err != nil {
		return err
	}
	if op == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a.wakeUp(op)
	ended, err := a.await(r.Context(), r.Request, op.ID)
	if err != nil {
		return err
	}
	if ended.Status == store.Succeeded && !r.isGroup() && !prefersAsync(r.Request) {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	a.announce(w, r, *op)
	w.Header().Set("Location", a.statusURL(r, *op, "operationResults"))
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// acceptDeletion marks the resource and journals the operation in one transaction.
func (a *API) acceptDeletion(ctx context.Context, r request) (*store.Operation, error) {
	wanted, err := readPreconditions(r.Header)
	if err != nil {
		return nil, err
	}
	for attempt := range attempts {
		op, err := a.tryDeletion(ctx, r, wanted)
		if err == nil || !overtaken(err) {
			return op, err
		}
		pause(ctx, attempt)
	}
	return nil, fairlead.Errorf(fairlead.Conflict, "The resource '%s' is being changed by others all the time.", r.id)
}

func (a *API) tryDeletion(ctx context.Context, r request, wanted preconditions) (*store.Operation, error) {
	stored, err := a.Store.GetResource(ctx, r.id.Key())
	if absent(err) {
		if err := a.parents(ctx, r.target); err != nil {
			return nil, err
		}
		if r.isGroup() {
			return nil, missing(r.target)
		}
		return nil, wanted.check("")
	}
	if err != nil {
		return nil, err
	}
	if err := wanted.check(stored.ETag); err != nil {
		return nil, err
	}
	if r.kind.Guard != nil {
		if err := r.kind.Guard(ctx, stored, r.URL.Query()); err != nil {
			return nil, err
		}
	}
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return nil, err
	}
	if r.kind.Leave != nil {
		if err := r.kind.Leave(ctx, document, r.URL.Query()); err != nil {
			return nil, err
		}
	}
	document.Set(statePath, stateDeleting)
	op := a.operation(ctx, stored.Key, operationDelete)
	_, err = a.store(ctx, r, &Change{New: document}, store.MatchETag(stored.ETag), written{op: op})
	return op, err
}

// isGroup reports that the request is for a resource group itself.
func (t target) isGroup() bool { return t.id.ResourceGroup != "" && t.id.Namespace == "" }

// remove deletes a resource that is marked for it. One that is not marked was made after an
// earlier run of this operation had deleted the marked one.
func (a *API) remove(ctx context.Context, stored store.Resource, op store.Operation) error {
	document, err := ReadDocument(stored.Body)
	if err != nil || document.Text(statePath) != stateDeleting {
		return err
	}
	for range attempts {
		if err := a.removeBelow(ctx, stored.Key, op); err != nil {
			return err
		}
		if gone, err := a.removeOne(ctx, stored, nil); gone || err != nil {
			return err
		}
	}
	return fairlead.Errorf(fairlead.Conflict, "Resources keep appearing below '%s'.", stored.ID)
}

// removeBelow removes all resources below a key, deepest first: a key sorts before those below it.
// What has something below it that the page has cut off stays until a later page.
func (a *API) removeBelow(ctx context.Context, key string, op store.Operation) error {
	for {
		below, err := a.Store.ListResources(ctx, store.Query{Prefix: key + "/", Limit: pageSize})
		if err != nil || len(below) == 0 {
			return err
		}
		slices.Reverse(below)
		for _, resource := range below {
			if _, err := a.removeOne(ctx, resource, a.removed(ctx, op, resource)); err != nil {
				return err
			}
		}
	}
}

// removeOne does the type's work and forgets the resource; it is not gone if there still is
// something below it. The entry, if any, goes into the activity log.
func (a *API) removeOne(ctx context.Context, stored store.Resource, entry *store.Activity) (gone bool, err error) {
	if kind := a.kind(stored.Type); kind != nil && kind.Delete != nil {
		if err := kind.Delete(ctx, stored); err != nil {
			return false, err
		}
	}
	err = a.Store.RemoveResource(ctx, stored.Key, store.NothingBelow, entry, a.woken(stored)...)
	switch {
	case err == nil, absent(err):
		return true, nil
	case fairlead.KindOf(err) == fairlead.Conflict:
		return false, nil
	default:
		return false, err
	}
}

// woken are the keys besides its own whose watchers the end of a resource concerns.
func (a *API) woken(stored store.Resource) []string {
	kind := a.kind(stored.Type)
	id, err := fairlead.ParseResourceID(stored.ID)
	if kind == nil || !kind.WakesParent || err != nil {
		return nil
	}
	return []string{parentKey(target{kind: kind, id: id})}
}
