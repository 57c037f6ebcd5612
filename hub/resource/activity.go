package resource

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// activityAge is how long the activity log remembers, as Azure's does.
const activityAge = 90 * 24 * time.Hour

type correlationKey struct{}

func withCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// Entry is what the activity log says of a request: who did what from where, and nothing of what was sent.
func Entry(ctx context.Context, r *http.Request, now time.Time, action string, id fairlead.ResourceID) store.Activity {
	caller, _ := access.PrincipalFrom(ctx)
	return store.Activity{
		ID: uuid.NewString(), OperationID: uuid.NewString(), CorrelationID: Correlation(ctx), At: now,
		Subscription: strings.ToLower(id.Subscription), ResourceGroup: strings.ToLower(id.ResourceGroup), ResourceID: id.String(),
		Action: action, Status: store.ActivitySucceeded, Detail: http.StatusText(http.StatusOK),
		Caller: caller.Name(), CallerID: caller.ObjectID, Method: r.Method, ClientIP: clientIP(r),
	}
}

func (a *API) entry(ctx context.Context, r request) *store.Activity {
	entry := Entry(ctx, r.Request, a.Now(), r.permission, r.id)
	return &entry
}

// clientIP is the address that the connection comes from. Headers of proxies are not believed.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// accepted is the entry of a write that is done, or goes on as an operation.
func (a *API) accepted(ctx context.Context, r request, done written) *store.Activity {
	entry := a.entry(ctx, r)
	switch {
	case done.op != nil:
		entry.Status, entry.OperationID, entry.Detail = store.ActivityStarted, done.op.ID, http.StatusText(http.StatusAccepted)
	case done.created:
		entry.Detail = http.StatusText(http.StatusCreated)
	}
	return entry
}

// finished is the entry for the end of an operation; nil when its beginning is not known.
func (a *API) finished(ctx context.Context, op store.Operation) *store.Activity {
	entry := a.begun(ctx, op)
	if entry == nil {
		return nil
	}
	entry.Status, entry.Detail = store.ActivitySucceeded, http.StatusText(http.StatusOK)
	if op.Status != store.Succeeded {
		entry.Status, entry.Detail = store.ActivityFailed, op.ErrorCode
	}
	return entry
}

// removed is the entry for what is deleted because something above it is.
func (a *API) removed(ctx context.Context, op store.Operation, stored store.Resource) *store.Activity {
	entry, kind := a.begun(ctx, op), a.kind(stored.Type)
	if entry == nil || kind == nil {
		return nil
	}
	entry.ResourceID, entry.Action = stored.ID, kind.action("delete")
	entry.Subscription, entry.ResourceGroup = stored.Subscription, stored.ResourceGroup
	entry.Status, entry.Detail = store.ActivitySucceeded, http.StatusText(http.StatusOK)
	return entry
}

func (a *API) begun(ctx context.Context, op store.Operation) *store.Activity {
	entry, err := a.Store.StartedActivity(ctx, op.ID)
	if err != nil {
		if !absent(err) {
			a.Log.WarnContext(ctx, "the beginning of an operation could not be read", slog.String("operation", op.ID), slog.Any("err", err))
		}
		return nil
	}
	entry.ID, entry.At = uuid.NewString(), a.Now()
	return &entry
}

// acted records an action, which has been done by then: an entry that cannot be written is not the caller's failure.
func (a *API) acted(ctx context.Context, r request, err error) {
	entry := a.entry(ctx, r)
	if err != nil {
		entry.Status, entry.Detail = store.ActivityFailed, fairlead.CodeOf(err)
	}
	ctx = context.WithoutCancel(ctx)
	if err := a.Store.RecordActivity(ctx, *entry); err != nil {
		a.Log.ErrorContext(ctx, "an action could not be recorded in the activity log", slog.String("action", r.permission), slog.Any("err", err))
	}
}
