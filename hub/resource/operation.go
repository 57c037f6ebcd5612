package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	operationCreate = "create"
	operationUpdate = "update"
	operationDelete = "delete"

	// Most operations take milliseconds: a request waits so long for its own before it leaves
	// polling to the client.
	patience   = 2 * time.Second
	retryAfter = "1" // seconds

	memory = 7 * 24 * time.Hour // how long ended operations can be asked for
	sweep  = time.Hour          // how often older ones are cleared
)

// busy is the set of operations that this process is running, and of resources that they change.
type busy struct {
	mu        sync.Mutex
	running   map[string]bool
	resources map[string]*sync.Mutex
	all       sync.WaitGroup
}

// Run does the operations that are journalled, those that an earlier process left unfinished too,
// until ctx ends; then it waits for the ones that are running to stop.
func (a *API) Run(ctx context.Context) error {
	a.prepare()
	defer a.busy.all.Wait()
	ticker := time.NewTicker(sweep)
	defer ticker.Stop()
	a.clear(ctx)
	for {
		if err := a.start(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case <-ticker.C:
			a.clear(ctx)
		}
	}
}

// clear forgets what is too old to be asked for.
func (a *API) clear(ctx context.Context) {
	if _, err := a.Store.ForgetOperations(ctx, a.Now().Add(-memory)); err != nil && ctx.Err() == nil {
		a.Log.WarnContext(ctx, "old operations could not be cleared", slog.Any("err", err))
	}
	if _, err := a.Store.ForgetActivity(ctx, a.Now().Add(-activityAge)); err != nil && ctx.Err() == nil {
		a.Log.WarnContext(ctx, "the old part of the activity log could not be cleared", slog.Any("err", err))
	}
}

// wakeUp tells Run that the journal has grown.
func (a *API) wakeUp(op *store.Operation) {
	if op == nil {
		return
	}
	select {
	case a.wake <- struct{}{}:
	default: // Run has yet to look
	}
}

// start runs every unfinished operation that is not running yet.
func (a *API) start(ctx context.Context) error {
	unfinished, err := a.Store.UnfinishedOperations(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // shutting down, which Run reports as success
	}
	if err != nil {
		return fmt.Errorf("read unfinished operations: %w", err)
	}
	for _, op := range unfinished {
		if gate := a.busy.begin(op); gate != nil {
			a.busy.all.Go(func() {
				defer a.busy.end(op)
				gate.Lock()
				defer gate.Unlock()
				a.carryOut(ctx, op)
			})
		}
	}
	return nil
}

// begin returns the lock of the operation's resource, or nil when the operation is running.
func (b *busy) begin(op store.Operation) *sync.Mutex {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		b.running, b.resources = map[string]bool{}, map[string]*sync.Mutex{}
	}
	if b.running[op.ID] {
		return nil
	}
	b.running[op.ID] = true
	if b.resources[op.ResourceKey] == nil {
		b.resources[op.ResourceKey] = &sync.Mutex{}
	}
	return b.resources[op.ResourceKey]
}

func (b *busy) end(op store.Operation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, op.ID)
	if len(b.running) == 0 {
		clear(b.resources)
	}
}

// carryOut does an operation and records how it ended. What the end of the process interrupts
// stays in progress, for the next process.
func (a *API) carryOut(ctx context.Context, op store.Operation) {
	// The list that named op may be older than its end.
	op, err := a.Store.GetOperation(ctx, op.ID)
	if err != nil || op.Status != store.InProgress || ctx.Err() != nil {
		return
	}
	err = a.work(ctx, op)
	if ctx.Err() != nil {
		return
	}
	op.Status, op.EndedAt = store.Succeeded, a.Now()
	if err != nil {
		a.failed(ctx, &op, err)
	}
	if err := a.settle(ctx, op); err != nil {
		a.Log.ErrorContext(ctx, "the end of an operation could not be recorded", slog.String("operation", op.ID), slog.Any("err", err))
	}
}

func (a *API) failed(ctx context.Context, op *store.Operation, err error) {
	op.Status, op.ErrorCode, op.ErrorMessage = store.Failed, fairlead.CodeOf(err), err.Error()
	op.ErrorDetails = detailsOf(err)
	if fairlead.KindOf(err) == fairlead.Internal {
		op.ErrorMessage = "The hub could not do that; its log has the reason under the operation's id."
	}
	a.Log.WarnContext(ctx, "operation failed", slog.String("operation", op.ID), slog.String("kind", op.Kind),
		slog.String("resource", op.ResourceKey), slog.Any("err", err))
}

// work does what the operation is for; a panic is a failure of this operation only.
func (a *API) work(ctx context.Context, op store.Operation) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("operation panicked: %v", problem)
		}
	}()
	stored, err := a.Store.GetResource(ctx, op.ResourceKey)
	if absent(err) {
		return nil // deleted already
	}
	if err != nil {
		return err
	}
	kind := a.kind(stored.Type)
	switch {
	case kind == nil:
		return fmt.Errorf("no resource type %s", stored.Type)
	case op.Kind == operationDelete:
		return a.remove(ctx, stored, op)
	case op.Kind == operationCreate && kind.Create != nil:
		return kind.Create(ctx, stored)
	case op.Kind == operationUpdate && kind.Update != nil:
		return kind.Update(ctx, stored)
	default:
		return nil
	}
}

// settle writes the outcome into the resource, then into the journal: a crash in between repeats it.
func (a *API) settle(ctx context.Context, op store.Operation) error {
	for attempt := range attempts {
		err := raced(a.settleState(ctx, op))
		if err == nil {
			break
		}
		if !overtaken(err) {
			return err
		}
		pause(ctx, attempt)
	}
	op.Record = a.finished(ctx, op)
	return a.Store.FinishOperation(ctx, op)
}

func (a *API) settleState(ctx context.Context, op store.Operation) error {
	stored, err := a.Store.GetResource(ctx, op.ResourceKey)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return err
	}
	if state := document.Text(statePath); (state == stateDeleting) != (op.Kind == operationDelete) {
		return nil // a later operation has the say
	}
	if others, err := a.Store.OtherOperation(ctx, op); err != nil || others {
		return err // the last one to end has
	}
	document.Set(statePath, string(op.Status))
	if kind := a.kind(stored.Type); kind != nil && kind.Settle != nil {
		kind.Settle(document, op)
	}
	if stored.Body, err = body(document); err != nil {
		return err
	}
	stored.UpdatedAt = a.Now()
	_, err = a.Store.PutResource(ctx, stored, store.MatchETag(stored.ETag))
	return err
}

// await waits a moment for an operation to end and returns it as it is then. A client that
// prefers respond-async is not kept waiting.
func (a *API) await(ctx context.Context, r *http.Request, id string) (store.Operation, error) {
	changed, cancel := a.Store.Subscribe(id)
	defer cancel()
	op, err := a.Store.GetOperation(ctx, id)
	if err != nil || op.Status != store.InProgress || prefersAsync(r) {
		return op, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
	return a.Store.GetOperation(ctx, id)
}

// prefersAsync says whether a client wants an operation to ask for in any case (RFC 7240, 4.1), even of what has ended already.
func prefersAsync(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Prefer"), "respond-async")
}

// announce tells the client where to ask for the operation.
func (a *API) announce(w http.ResponseWriter, r request, op store.Operation) {
	w.Header().Set("Azure-AsyncOperation", a.statusURL(r, op, "operationStatuses"))
	w.Header().Set("Retry-After", retryAfter)
}

func (a *API) statusURL(r request, op store.Operation, what string) string {
	location := "global"
	if len(r.kind.Locations) > 0 {
		location = r.kind.Locations[0]
	}
	link := origin.URL(r.Context(), a.URL)
	if r.id.Subscription != "" {
		link += "/subscriptions/" + r.id.Subscription
	}
	link += "/providers/" + r.kind.namespace() + "/locations/" + location + "/" + what + "/" + op.ID
	if r.version != "" {
		link += "?api-version=" + r.version
	}
	return link
}

// progress is Azure's document of an operation.
type progress struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Status    string     `json:"status"`
	StartTime time.Time  `json:"startTime"`
	EndTime   *time.Time `json:"endTime,omitempty"`
	Error     *failure   `json:"error,omitempty"`
}

type failure struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details,omitempty"`
}

// detailsOf is what the journal keeps of an error beside code and message.
func detailsOf(err error) string {
	details := fairlead.DetailsOf(err)
	if len(details) == 0 {
		return ""
	}
	text, err := json.Marshal(details)
	if err != nil {
		return "" // whoever made them put something in that is no JSON; code and message stand
	}
	return string(text)
}

func explained(op store.Operation) error {
	failed := fairlead.Errorf(fairlead.Conflict, "%s", op.ErrorMessage).WithCode(op.ErrorCode)
	if op.ErrorDetails != "" {
		if err := json.Unmarshal([]byte(op.ErrorDetails), &failed.Details); err != nil {
			return fmt.Errorf("read the details of operation %s: %w", op.ID, err)
		}
	}
	return failed
}

func (a *API) operationStatus(w http.ResponseWriter, r *http.Request) error {
	op, err := a.visibleOperation(r)
	if err != nil {
		return err
	}
	shown := progress{ID: r.URL.Path, Name: op.ID, Status: string(op.Status), StartTime: op.StartedAt}
	w.Header().Set("Retry-After", retryAfter)
	if op.Status != store.InProgress {
		shown.EndTime = &op.EndedAt
	}
	if op.ErrorCode != "" {
		shown.Error = &failure{op.ErrorCode, op.ErrorMessage, json.RawMessage(op.ErrorDetails)}
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// operationResult is the older way to poll: 202 until the end, then the outcome.
func (a *API) operationResult(w http.ResponseWriter, r *http.Request) error {
	op, err := a.visibleOperation(r)
	if err != nil {
		return err
	}
	switch op.Status {
	case store.InProgress:
		w.Header().Set("Location", origin.URL(r.Context(), a.URL)+r.URL.RequestURI())
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(http.StatusAccepted)
		return nil
	case store.Succeeded:
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return explained(op)
	}
}

// visibleOperation returns an operation to whoever started it or may read its resource.
func (a *API) visibleOperation(r *http.Request) (store.Operation, error) {
	op, err := a.Store.GetOperation(r.Context(), r.PathValue("id"))
	if err != nil {
		return op, err
	}
	caller, ok := access.PrincipalFrom(r.Context())
	if ok && caller.ObjectID == op.Principal {
		return op, nil
	}
	id, err := fairlead.ParseResourceID(op.ResourceKey)
	if err != nil {
		return op, err
	}
	found, err := a.item(id)
	if err != nil {
		return op, err
	}
	return op, a.Access.Check(r.Context(), found.kind.action("read"), found.id.String())
}
