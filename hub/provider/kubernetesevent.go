package provider

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/odata"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	clusterType = "Microsoft.Kubernetes/connectedClusters"
	// How much one request reads when a filter lets few entries pass; the next page goes on there.
	maxScanned = 20_000
)

// listRequests answers with the requests that were sent to connected clusters, as events.
func (l *ActivityLog) listRequests(w http.ResponseWriter, r *http.Request, query activityQuery, allowed access.Filter) error {
	found, last, err := l.requests(r, query, allowed)
	if err != nil {
		return err
	}
	shown := list[map[string]any]{Value: []map[string]any{}}
	for _, entry := range found {
		shown.Value = append(shown.Value, query.selected(l.requestEvent(entry)))
	}
	if last != nil {
		next := origin.URL(r.Context(), l.URL) + r.URL.Path + "?" + query.next(asActivity(*last))
		shown.NextLink = &next
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// requests returns one page, and the entry after which the next one begins; nil when there is none.
func (l *ActivityLog) requests(r *http.Request, query activityQuery, allowed access.Filter) (found []store.AuditEntry, last *store.AuditEntry, err error) {
	narrow := query.narrowed()
	for scanned := 0; ; {
		batch, err := l.Store.ListAudit(r.Context(), narrow)
		if err != nil {
			return nil, nil, err
		}
		for i := range batch {
			if len(found) == query.Limit {
				return found, last, nil
			}
			if last = &batch[i]; query.shows(batch[i], allowed) {
				found = append(found, batch[i])
			}
		}
		if len(batch) < narrow.Limit {
			return found, nil, nil
		}
		if scanned += len(batch); scanned >= maxScanned {
			return found, last, nil
		}
		narrow.Before = store.AuditMark{At: last.At, ID: last.ID}
	}
}

// shows reports whether the caller may see an entry, and asked for it.
func (q activityQuery) shows(entry store.AuditEntry, allowed access.Filter) bool {
	return allowed.Allows(strings.ToLower(entry.ClusterID)) && q.filter.Match(func(term odata.Term) bool { return holdsOfRequest(term, entry) })
}

// narrowed is what the database is asked for: more than the filter lets pass, and never less.
func (q activityQuery) narrowed() store.AuditQuery {
	narrow := store.AuditQuery{
		Subscription: q.Subscription, ResourceGroup: q.ResourceGroup, RequestID: q.Correlation, Since: q.Since, Until: q.Until, Limit: maxActivityTop + 1,
	}
	if !q.Before.At.IsZero() {
		id, _ := strconv.ParseInt(q.Before.ID, 10, 64) // 0 for what is no token of ours
		narrow.Before = store.AuditMark{At: q.Before.At, ID: id}
	}
	if id, err := fairlead.ParseResourceID(q.Resource); err == nil && strings.EqualFold(id.Type(), clusterType) {
		narrow.Cluster = id.Key()
	}
	for _, term := range q.filter.Required() {
		switch {
		case term.Op != odata.Eq:
		case term.Name == "caller" && uuid.Validate(term.Value) != nil: // a GUID may be the object's or the application's
			narrow.Caller = strings.ToLower(term.Value)
		case term.Name == "requestid":
			narrow.RequestID = term.Value
		}
	}
	return narrow
}

// holdsOfRequest reports whether a term is true of a request.
func holdsOfRequest(term odata.Term, entry store.AuditEntry) bool {
	switch term.Name {
	case "verb":
		return term.Text(entry.Verb)
	case "resource":
		return term.Text(entry.Resource)
	case "namespace":
		return term.Text(entry.Namespace)
	case "requestid":
		return term.Text(entry.RequestID)
	case "category":
		return term.Text("Kubernetes")
	default:
		return holds(term, asActivity(entry))
	}
}

// asActivity is a request in the words of the activity log.
func asActivity(entry store.AuditEntry) store.Activity {
	done := store.Activity{
		ID: strconv.FormatInt(entry.ID, 10), OperationID: entry.RequestID, CorrelationID: entry.RequestID, At: entry.At,
		Subscription: entry.Subscription, ResourceGroup: entry.ResourceGroup, ResourceID: entry.ClusterID,
		Action: clusterType + "/" + subject(entry) + "/" + cmp.Or(entry.Verb, "other"), Caller: entry.Caller, CallerID: entry.CallerID, Method: entry.Method, ClientIP: entry.ClientIP,
		Status: store.ActivitySucceeded, Detail: http.StatusText(entry.Status),
	}
	switch {
	case entry.EndedAt.IsZero():
		done.Status, done.Detail = store.ActivityStarted, ""
	case entry.Status < http.StatusContinue || entry.Status >= http.StatusBadRequest:
		done.Status, done.Detail = store.ActivityFailed, cmp.Or(entry.Reason, done.Detail)
	}
	return done
}

// subject is what a request was about, such as apps/deployments/scale.
func subject(entry store.AuditEntry) string {
	if entry.Resource == "" {
		return "api"
	}
	text := entry.Resource
	if entry.APIGroup != "" {
		text = entry.APIGroup + "/" + text
	}
	if entry.Subresource != "" {
		text += "/" + entry.Subresource
	}
	return text
}

// requestEvent is the document of a request: that of an event, with what Kubernetes was asked among its properties.
func (l *ActivityLog) requestEvent(entry store.AuditEntry) map[string]any {
	event := l.event(asActivity(entry))
	event["category"] = word("Kubernetes")
	properties := map[string]string{
		"eventCategory": "Kubernetes", "entity": entry.ClusterID, "statusCode": strconv.Itoa(entry.Status), "reason": entry.Reason, "mode": entry.Mode,
		"verb": entry.Verb, "apiGroup": entry.APIGroup, "resource": entry.Resource, "subresource": entry.Subresource,
		"namespace": entry.Namespace, "name": entry.Name, "path": entry.Path, "requestId": entry.RequestID, "userAgent": entry.UserAgent,
		"bytesFromCaller": strconv.FormatInt(entry.BytesIn, 10), "bytesToCaller": strconv.FormatInt(entry.BytesOut, 10),
	}
	if !entry.EndedAt.IsZero() {
		properties["endTime"] = entry.EndedAt.Format(time.RFC3339Nano)
		properties["durationSeconds"] = strconv.FormatFloat(entry.EndedAt.Sub(entry.At).Seconds(), 'f', 6, 64)
	}
	event["properties"] = properties
	return event
}
