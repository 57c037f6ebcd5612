package resource

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
)

// hubName is what documents and the activity log call the hub itself.
const hubName = "fairlead-hub"

// Change lets the hub itself change a resource that is there, as a PATCH would, but without Prepare. The operation that
// follows goes on by itself. NotFound when there is none; what change returns, if it refuses.
func (a *API) Change(ctx context.Context, id fairlead.ResourceID, change func(Document) (Document, error)) error {
	a.prepare()
	found, err := a.item(id)
	if err != nil {
		return err
	}
	ctx = withCorrelation(access.WithPrincipal(ctx, access.Principal{UserName: hubName}), uuid.NewString())
	r := request{Request: &http.Request{Method: http.MethodPatch}, target: found, permission: found.kind.action("write")}
	for attempt := range attempts {
		done, err := a.changeOnce(ctx, r, change)
		if err == nil {
			a.wakeUp(done.op)
			return nil
		}
		if !overtaken(err) {
			return err
		}
		pause(ctx, attempt)
	}
	return fairlead.Errorf(fairlead.Conflict, "The resource '%s' is being changed by others all the time.", id)
}

// Make lets the hub itself make a resource that is not there, as a PUT would. The operation that follows goes on by itself. What is
// there already stays as it is. Correlation is the id under which what led to it is spoken of.
func (a *API) Make(ctx context.Context, id fairlead.ResourceID, correlation string, sent Document) error {
	a.prepare()
	found, err := a.item(id)
	if err != nil {
		return err
	}
	if correlation == "" {
		correlation = uuid.NewString()
	}
	ctx = withCorrelation(access.WithPrincipal(ctx, access.Principal{UserName: hubName}), correlation)
	asked := &http.Request{Method: http.MethodPut, Header: http.Header{"If-None-Match": {"*"}}}
	r := request{Request: asked, target: found, permission: found.kind.action("write"), sent: sent}
	_, err = a.persist(ctx, r, func(old Document) (Document, error) { return found.kind.replaced(old, sent), nil })
	if err != nil && fairlead.KindOf(err) == fairlead.PreconditionFailed {
		return nil
	}
	return err
}

func (a *API) changeOnce(ctx context.Context, r request, change func(Document) (Document, error)) (written, error) {
	stored, err := a.Store.GetResource(ctx, r.id.Key())
	if err != nil {
		return written{}, err
	}
	old, err := ReadDocument(stored.Body)
	if err != nil {
		return written{}, err
	}
	state := old.Text(statePath)
	if state == stateDeleting {
		return written{}, deleting(r.id)
	}
	document, err := change(old)
	if err != nil {
		return written{}, err
	}
	return a.save(ctx, r, stored, state, &Change{ID: r.id, New: document})
}
