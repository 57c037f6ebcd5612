package resource

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// The provisioning states that are not final.
const (
	stateAccepted = "Accepted"
	stateUpdating = "Updating"
	stateDeleting = "Deleting"
)

// written is the outcome of a write: what is stored, and the operation that goes on, if any.
type written struct {
	stored  store.Resource
	created bool
	op      *store.Operation
}

func (a *API) put(w http.ResponseWriter, r request) error {
	sent, err := readBody(w, r)
	if err != nil {
		return err
	}
	r.sent = sent
	done, err := a.persist(r.Context(), r, func(old Document) (Document, error) { return r.kind.replaced(old, sent), nil })
	if err != nil {
		return err
	}
	status := http.StatusOK
	if done.created {
		status = cmp.Or(r.kind.Created, http.StatusCreated)
	}
	return a.written(w, r, status, done)
}

func (a *API) patch(w http.ResponseWriter, r request) error {
	sent, err := readBody(w, r)
	if err != nil {
		return err
	}
	r.sent = sent
	done, err := a.persist(r.Context(), r, func(old Document) (Document, error) {
		if old == nil {
			_, err := a.load(r.Context(), r.target)
			return nil, err
		}
		return r.kind.patched(old, sent), nil
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if done.op != nil && r.kind.Update != nil { // clients of types without that work expect no operation here
		status = http.StatusAccepted
	}
	return a.written(w, r, status, done)
}

// written answers with the document; when its operation ends soon and well, as if there had been none. One that failed is still to
// be asked for: clients that read of a failure in this answer would not, and so miss the reason.
func (a *API) written(w http.ResponseWriter, r request, status int, done written) error {
	if done.op != nil {
		ended, err := a.await(r.Context(), r.Request, done.op.ID)
		if err != nil {
			return err
		}
		if ended.Status == store.Succeeded && !prefersAsync(r.Request) {
			done.op = nil
			if done.stored, err = a.load(r.Context(), r.target); err != nil {
				return err
			}
		}
	}
	switch {
	case done.op != nil:
		a.announce(w, r, *done.op)
	case status == http.StatusAccepted:
		status = http.StatusOK
	}
	return a.show(r.Context(), w, status, r.kind, done.stored)
}

func readBody(w http.ResponseWriter, r request) (Document, error) {
	if sent := r.Header.Get("Content-Type"); sent != "" && !strings.Contains(strings.ToLower(sent), "json") {
		return nil, fairlead.Errorf(fairlead.UnsupportedMedia, "The content media type '%.64s' is not supported. Only 'application/json' is supported.", sent)
	}
	content, err := reply.Body(w, r.Request, store.MaxDocument)
	if err != nil {
		return nil, err
	}
	return ReadDocument(content)
}

// persist stores what change makes of the present document. When another write comes between, and
// the client has set no condition, it starts over with what is there then.
func (a *API) persist(ctx context.Context, r request, change func(old Document) (Document, error)) (written, error) {
	wanted, err := readPreconditions(r.Header)
	if err != nil {
		return written{}, err
	}
	for attempt := range attempts {
		done, err := a.attempt(ctx, r, wanted, change)
		if err == nil {
			a.wakeUp(done.op)
			return done, nil
		}
		if !overtaken(err) {
			return written{}, err
		}
		pause(ctx, attempt)
	}
	return written{}, fairlead.Errorf(fairlead.Conflict, "The resource '%s' is being changed by others all the time.", r.id)
}

// overtaken recognises a write that lost a race and may be tried again.
func overtaken(err error) bool { return fairlead.CodeOf(err) == overtakenCode }

const overtakenCode = "Overtaken"

func (a *API) attempt(ctx context.Context, r request, wanted preconditions, change func(Document) (Document, error)) (written, error) {
	stored, old, err := a.current(ctx, r)
	if err != nil {
		return written{}, err
	}
	if err := wanted.check(stored.ETag); err != nil {
		return written{}, err
	}
	document, err := change(old)
	if err != nil {
		return written{}, err
	}
	made := &Change{ID: r.id, Old: old, New: document, Sent: r.sent, Replaces: r.Request != nil && r.Method == http.MethodPut}
	if err := a.complete(ctx, r, made); err != nil {
		return written{}, err
	}
	return a.save(ctx, r, stored, old.Text(statePath), made)
}

// current returns the stored resource, empty if there is none, after checking that it may change.
func (a *API) current(ctx context.Context, r request) (store.Resource, Document, error) {
	stored, err := a.Store.GetResource(ctx, r.id.Key())
	if absent(err) {
		return store.Resource{}, nil, a.admits(ctx, r.target)
	}
	if err != nil {
		return store.Resource{}, nil, err
	}
	old, err := ReadDocument(stored.Body)
	if err != nil {
		return store.Resource{}, nil, err
	}
	if old.Text(statePath) == stateDeleting {
		return store.Resource{}, nil, deleting(r.id)
	}
	return stored, old, a.groupStays(ctx, r.id)
}

// admits checks that something new may come into being at an id.
func (a *API) admits(ctx context.Context, t target) error {
	if err := a.parents(ctx, t); err != nil {
		return err
	}
	if t.kind.Names != nil && !t.kind.Names.MatchString(t.id.Name()) {
		return fairlead.Errorf(fairlead.Invalid, "The resource name '%s' is not valid: names of type '%s' match %s.",
			t.id.Name(), t.kind.Name, t.kind.Names).WithCode("InvalidResourceName")
	}
	return a.groupStays(ctx, t.id)
}

// groupStays refuses to change anything in a group that is being deleted.
func (a *API) groupStays(ctx context.Context, id fairlead.ResourceID) error {
	if id.ResourceGroup == "" || id.Namespace == "" {
		return nil
	}
	group := fairlead.ResourceID{Subscription: id.Subscription, ResourceGroup: id.ResourceGroup}
	stored, err := a.Store.GetResource(ctx, group.Key())
	if absent(err) {
		return missingGroup(id)
	}
	if err != nil {
		return err
	}
	document, err := ReadDocument(stored.Body)
	if err == nil && document.Text(statePath) == stateDeleting {
		return deleting(group)
	}
	return err
}

func deleting(id fairlead.ResourceID) error {
	if id.Namespace == "" {
		return fairlead.Errorf(fairlead.Conflict, "The resource group '%s' is in deprovisioning state and cannot perform this operation.",
			id.ResourceGroup).WithCode("ResourceGroupBeingDeleted")
	}
	return fairlead.Errorf(fairlead.Conflict, "The resource '%s' is being deleted and cannot be changed.", id.Name())
}

// complete validates a change and lets the type add to it.
func (a *API) complete(ctx context.Context, r request, change *Change) error {
	if err := checkTags(change.New); err != nil {
		return err
	}
	if err := r.kind.checkLocation(change); err != nil {
		return err
	}
	if r.kind.Prepare == nil {
		return nil
	}
	return r.kind.Prepare(ctx, change)
}

// save stores the document and, if the type has work to do, journals the operation with it.
func (a *API) save(ctx context.Context, r request, before store.Resource, stateBefore string, made *Change) (written, error) {
	done := written{created: before.Key == ""}
	condition := store.MatchETag(before.ETag)
	if done.created {
		condition = store.MustBeAbsent
	}
	kind, state := r.kind.workFor(stateBefore)
	if kind != "" {
		done.op = a.operation(ctx, r.id.Key(), kind)
	}
	if r.kind.stateful() {
		made.New.Set(statePath, state)
	}
	var err error
	done.stored, err = a.store(ctx, r, made, condition, done)
	return done, err
}

// workFor returns which operation a write needs, if any, and the provisioning state until its end. What
// was never made to the end, or failed, is made again: work can be repeated.
func (t *Type) workFor(before string) (operation, state string) {
	settled := before == string(store.Succeeded)
	switch {
	case !settled && t.Create != nil:
		return operationCreate, stateAccepted
	case before != "" && t.Update != nil:
		return operationUpdate, stateUpdating
	default:
		return "", string(store.Succeeded)
	}
}

// store writes a document with its entry in the activity log and the operation, if there is one, that it begins.
func (a *API) store(ctx context.Context, r request, made *Change, condition store.Condition, done written) (store.Resource, error) {
	t := r.target
	content, err := body(made.New)
	if err != nil {
		return store.Resource{}, err
	}
	caller, _ := access.PrincipalFrom(ctx)
	resource := store.Resource{
		Key: t.id.Key(), ID: t.id.String(), Type: t.kind.key(), Name: t.id.Name(), Body: content,
		Subscription: strings.ToLower(t.id.Subscription), ResourceGroup: strings.ToLower(t.id.ResourceGroup),
		UpdatedAt: a.Now(), UpdatedBy: caller.Name(), Parent: parentKey(t), Record: a.accepted(ctx, r, done),
		Sealed: made.Sealed, Unseal: made.Unseal,
	}
	if t.kind.WakesParent {
		resource.Wake = resource.Parent
	}
	if t.kind.Subject != nil {
		resource.Subject = strings.ToLower(t.kind.Subject(made.New))
	}
	var stored store.Resource
	if done.op == nil {
		stored, err = a.Store.PutResource(ctx, resource, condition)
	} else {
		stored, err = a.Store.PutResourceWithOperation(ctx, resource, condition, *done.op)
	}
	return stored, raced(err)
}

// raced marks the errors that another write between reading and writing explains.
func raced(err error) error {
	switch kind := fairlead.KindOf(err); {
	case err == nil:
		return nil
	case kind == fairlead.PreconditionFailed, kind == fairlead.Conflict, kind == fairlead.NotFound:
		return fairlead.Errorf(fairlead.Conflict, "another write came between: %w", err).WithCode(overtakenCode)
	default:
		return err
	}
}

// parentKey returns the key that must exist for a resource to exist, empty at the root.
func parentKey(t target) string {
	parent := t.keptParent()
	if parent == "/" {
		return ""
	}
	return strings.ToLower(parent)
}

func (a *API) operation(ctx context.Context, key, kind string) *store.Operation {
	caller, _ := access.PrincipalFrom(ctx)
	return &store.Operation{
		ID: uuid.NewString(), ResourceKey: key, Kind: kind, Status: store.InProgress,
		StartedAt: a.Now(), Principal: caller.ObjectID,
	}
}
