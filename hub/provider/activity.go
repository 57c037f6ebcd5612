package provider

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	readActivity = "Microsoft.Insights/eventtypes/values/read"
	// The kinds of events: what was done to resources, as in Azure, and what was sent to clusters.
	managementEvents = "management"
	kubernetesEvents = "kubernetes"

	activityPage   = 200
	maxActivityTop = 1000
)

// ActivityLog serves the entries of the activity log of a subscription, newest first, to those who may read their
// resources' entries. All fields are required.
type ActivityLog struct {
	Store    *store.DB
	Access   *access.Checker
	Reply    reply.Writer
	URL      string // of the hub, without a trailing slash
	TenantID string
}

// Mount adds the log to the mux of a resource.API.
func (l *ActivityLog) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /subscriptions/{subscription}/providers/{namespace}/eventtypes/{kind}/values", func(w http.ResponseWriter, r *http.Request) {
		if err := l.list(w, r); err != nil {
			l.Reply.Error(w, r, err)
		}
	})
}

// activityQuery is what a client asks of the log.
type activityQuery struct {
	store.ActivityQuery

	filter odata.Filter
	fields []string // of $select, in lower case; nil for all
	raw    url.Values
}

func (l *ActivityLog) list(w http.ResponseWriter, r *http.Request) error {
	scope, err := fairlead.ParseResourceID("/subscriptions/" + r.PathValue("subscription"))
	if err != nil {
		return err
	}
	kind := strings.ToLower(r.PathValue("kind"))
	if !strings.EqualFold(r.PathValue("namespace"), "Microsoft.Insights") || kind != managementEvents && kind != kubernetesEvents {
		return fairlead.Errorf(fairlead.NotFound, "The hub has no events of type '%.64s' in '%.64s'.", r.PathValue("kind"), r.PathValue("namespace")).
			WithCode("InvalidResourceType")
	}
	allowed, err := l.Access.Filter(r.Context(), readActivity, scope.String())
	if err != nil {
		return err
	}
	query, err := readActivityQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	query.Subscription = strings.ToLower(scope.Subscription)
	if kind == kubernetesEvents {
		return l.listRequests(w, r, query, allowed)
	}
	found, more, err := l.page(r, query, allowed)
	if err != nil {
		return err
	}
	shown := list[map[string]any]{Value: []map[string]any{}}
	for _, entry := range found {
		shown.Value = append(shown.Value, query.selected(l.event(entry)))
	}
	if more {
		next := origin.URL(r.Context(), l.URL) + r.URL.Path + "?" + query.next(found[len(found)-1])
		shown.NextLink = &next
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// page reads on until the page is full of entries that the caller may see and the filter lets pass.
func (l *ActivityLog) page(r *http.Request, query activityQuery, allowed access.Filter) (found []store.Activity, more bool, err error) {
	top := query.Limit
	query.Limit = maxActivityTop + 1 // a filter may let few of them pass
	for {
		batch, err := l.Store.ListActivity(r.Context(), query.ActivityQuery)
		if err != nil {
			return nil, false, err
		}
		for _, entry := range batch {
			if !allowed.Allows(strings.ToLower(entry.ResourceID)) || !query.filter.Match(func(term odata.Term) bool { return holds(term, entry) }) {
				continue
			}
			if len(found) == top {
				return found, true, nil
			}
			found = append(found, entry)
		}
		if len(batch) < query.Limit {
			return found, false, nil
		}
		last := batch[len(batch)-1]
		query.Before = store.ActivityMark{At: last.At, ID: last.ID}
	}
}

func readActivityQuery(raw string) (activityQuery, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return activityQuery{}, badActivity("The query string is not well-formed.")
	}
	q := activityQuery{raw: url.Values{}, ActivityQuery: store.ActivityQuery{Limit: activityPage}}
	for name, all := range values {
		name = strings.ToLower(name)
		q.raw.Set(name, all[0])
		if err := q.read(name, all[0]); err != nil {
			return activityQuery{}, err
		}
	}
	return q, nil
}

func (q *activityQuery) read(name, value string) error {
	switch name {
	case "$filter":
		return q.readFilter(value)
	case "$select":
		for field := range strings.SplitSeq(strings.ToLower(value), ",") {
			q.fields = append(q.fields, strings.TrimSpace(field))
		}
		if len(q.fields) > 64 {
			return badActivity("$select names more than 64 fields.")
		}
	case "$top":
		top, err := strconv.Atoi(value)
		if err != nil || top < 1 {
			return badActivity("The value '%.20s' of $top is not a positive number.", value)
		}
		q.Limit = min(top, maxActivityTop)
	case "$skiptoken":
		return q.readToken(value)
	}
	return nil
}

// readFilter narrows the search by what the filter demands; all of the filter is asked again of each entry.
func (q *activityQuery) readFilter(text string) error {
	filter, err := odata.Parse(text)
	if err != nil {
		return err
	}
	for _, term := range filter.Terms() {
		if err := checkActivityTerm(text, term); err != nil {
			return err
		}
	}
	q.filter = filter
	for _, term := range filter.Required() {
		q.narrow(term)
	}
	return nil
}

func checkActivityTerm(text string, term odata.Term) error {
	_, isTime := term.Moment()
	known := slices.Contains([]string{
		"eventtimestamp", "resourcegroupname", "resourceuri", "resourceid", "correlationid", "resourceprovider", "resourcetype",
		"caller", "status", "operationname", "eventchannels", "channels", "level", "levels", "category",
		"verb", "resource", "namespace", "requestid",
	}, term.Name)
	if !known || term.Op == odata.Call || term.Name == "eventtimestamp" && !isTime {
		return odata.Invalid(text)
	}
	return nil
}

func (q *activityQuery) narrow(term odata.Term) {
	value := strings.ToLower(term.Value)
	moment, _ := term.Moment()
	switch {
	case term.Name == "eventtimestamp" && (term.Op == odata.Ge || term.Op == odata.Gt):
		q.Since = moment
	case term.Name == "eventtimestamp" && (term.Op == odata.Le || term.Op == odata.Lt):
		q.Until = moment
	case term.Op != odata.Eq:
	case term.Name == "resourcegroupname":
		q.ResourceGroup = value
	case term.Name == "resourceuri" || term.Name == "resourceid":
		q.Resource = strings.TrimSuffix(value, "/")
	case term.Name == "correlationid":
		q.Correlation = term.Value
	}
}

// holds reports whether a term is true of an entry. The entries are all administrative ones.
func holds(term odata.Term, entry store.Activity) bool {
	switch term.Name {
	case "eventtimestamp":
		return term.Time(entry.At)
	case "resourcegroupname":
		return term.Text(entry.ResourceGroup)
	case "resourceuri", "resourceid":
		below := term.Op == odata.Eq && strings.HasPrefix(strings.ToLower(entry.ResourceID), strings.ToLower(strings.TrimSuffix(term.Value, "/"))+"/")
		return below || term.Text(entry.ResourceID)
	case "correlationid":
		return term.Text(entry.CorrelationID)
	case "resourceprovider":
		namespace, _, _ := strings.Cut(entry.Action, "/")
		return term.Text(namespace)
	case "resourcetype":
		return term.Text(typeOf(entry))
	case "caller":
		return term.Text(entry.Caller) || term.Text(entry.CallerID)
	case "status":
		return term.Text(string(entry.Status))
	case "operationname":
		return term.Text(entry.Action)
	case "level", "levels":
		return term.Text(levelOf(entry))
	case "category":
		return term.Text("Administrative")
	case "verb", "resource", "namespace", "requestid": // of requests to clusters only
		return false
	default: // channels: there is one, under several names
		return true
	}
}

func (q *activityQuery) readToken(value string) error {
	text, err := base64.RawURLEncoding.Strict().DecodeString(value)
	at, id, found := strings.Cut(string(text), "/")
	micros, notNumber := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || notNumber != nil || micros <= 0 || !isEntryID(id) {
		return badActivity("The continuation token is not valid.")
	}
	q.Before = store.ActivityMark{At: time.UnixMicro(micros).UTC(), ID: id}
	return nil
}

// isEntryID accepts GUIDs, and the numbers of requests to clusters.
func isEntryID(id string) bool {
	_, notNumber := strconv.ParseInt(id, 10, 64)
	return notNumber == nil || uuid.Validate(id) == nil
}

// next returns the query string of the page after an entry.
func (q activityQuery) next(last store.Activity) string {
	token := fmt.Sprintf("%d/%s", last.At.UnixMicro(), last.ID)
	q.raw.Set("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte(token)))
	return q.raw.Encode()
}

func (q activityQuery) selected(event map[string]any) map[string]any {
	if q.fields == nil {
		return event
	}
	kept := map[string]any{}
	for name, value := range event {
		if slices.Contains(q.fields, strings.ToLower(name)) {
			kept[name] = value
		}
	}
	return kept
}

func badActivity(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("InvalidQueryParameterValue")
}
