package resource

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// API serves resources of the given types. All fields but Documents and Registered are required. Its requests
// must have been authenticated: the caller is in their context. Run must run beside it, or
// operations wait until it does.
type API struct {
	Store     *store.DB
	Types     []Type
	Documents []Mounter // fixed documents, whose patterns win over those of resources
	Access    *access.Checker
	Reply     reply.Writer
	URL       string // of the hub, without a trailing slash
	Now       func() time.Time
	Log       *slog.Logger
	// Registered, when set, refuses a namespace that a subscription has not registered.
	Registered func(ctx context.Context, subscription, namespace string) error

	kinds map[string]*Type
	once  sync.Once
	wake  chan struct{}
	busy  busy
}

// Mounter adds patterns to a mux. Every second segment of the path that a pattern sees, the first
// among them, is in lower case, because those are the fixed ones.
type Mounter interface{ Mount(mux *http.ServeMux) }

// Mount serves everything below mux's root.
func (a *API) Mount(mux *http.ServeMux) {
	a.prepare()
	inner := http.NewServeMux()
	for _, document := range a.Documents {
		document.Mount(inner)
	}
	for _, scope := range []string{"", "/subscriptions/{subscription}"} {
		location := "GET " + scope + "/providers/{namespace}/locations/{location}/"
		inner.HandleFunc(location+"operationstatuses/{id}", a.answer(a.operationStatus))
		inner.HandleFunc(location+"operationresults/{id}", a.answer(a.operationResult))
	}
	inner.HandleFunc("GET /subscriptions/{subscription}/resources", a.answer(a.across))
	inner.HandleFunc("GET /subscriptions/{subscription}/resourcegroups/{group}/resources", a.answer(a.across))
	inner.HandleFunc("GET /subscriptions/{subscription}/tagnames", a.answer(a.tagNames))
	inner.HandleFunc("/", a.answer(a.serve))
	mux.Handle("/", a.identified(a.canonical(inner)))
}

func (a *API) prepare() {
	a.once.Do(func() {
		a.wake = make(chan struct{}, 1)
		a.kinds = make(map[string]*Type, len(a.Types))
		for i := range a.Types {
			a.kinds[a.Types[i].key()] = &a.Types[i]
		}
	})
}

// identified gives the answer the ids by which people and logs speak of it, unless a middleware
// has done so.
func (a *API) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w.Header().Get(requestIDHeader) == "" {
			request, correlation := uuid.NewString(), r.Header.Get(correlationIDHeader)
			if uuid.Validate(correlation) != nil {
				correlation = request
			}
			w.Header().Set(requestIDHeader, request)
			w.Header().Set(correlationIDHeader, correlation)
		}
		client := r.Header.Get(clientRequestIDHeader)
		if strings.EqualFold(r.Header.Get("X-Ms-Return-Client-Request-Id"), "true") && clientRequestID.MatchString(client) {
			w.Header().Set(clientRequestIDHeader, client)
		}
		w.Header().Set("X-Ms-Routing-Request-Id", "GLOBAL:"+a.Now().UTC().Format("20060102T150405Z")+":"+w.Header().Get(requestIDHeader))
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Pragma", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r.WithContext(withCorrelation(r.Context(), w.Header().Get(correlationIDHeader))))
	})
}

// The headers that carry ids: of the request, given by the hub; of what the client is about, over several requests;
// and of the request as the client counts.
const (
	requestIDHeader       = "X-Ms-Request-Id"
	correlationIDHeader   = "X-Ms-Correlation-Request-Id"
	clientRequestIDHeader = "X-Ms-Client-Request-Id"
)

var clientRequestID = regexp.MustCompile(`^[A-Za-z0-9_.{}-]{1,128}$`)

// canonical writes the fixed segments of paths in lower case, once, and refuses paths that hide
// other segments.
func (a *API) canonical(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if escaped := strings.ToLower(r.URL.EscapedPath()); strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") {
			a.Reply.Error(w, r, fairlead.Errorf(fairlead.Invalid, "The path must not hold an encoded slash.").WithCode("InvalidResourceId"))
			return
		}
		segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		for i := 0; i < len(segments); i += 2 {
			segments[i] = strings.ToLower(segments[i])
		}
		changed, url := *r, *r.URL
		url.Path, url.RawPath = "/"+strings.Join(segments, "/"), ""
		changed.URL = &url
		next.ServeHTTP(w, &changed)
	})
}

// answer makes a handler of a function that leaves errors to the one place that words them.
func (a *API) answer(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			a.Reply.Error(w, r, err)
		}
	}
}

// request is one request for a resource, collection or action, understood. Permission is the action that access was
// asked for.
type request struct {
	*http.Request
	target
	query

	permission string
	sent       Document // the body of a PUT or PATCH
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) error {
	if scope, ok := tagged(r.URL.Path); ok {
		return a.serveTags(w, r, scope)
	}
	found, err := a.resolve(r)
	if err != nil {
		return err
	}
	q, err := readQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := q.checkVersion(found.kind); err != nil {
		return err
	}
	if found.kind.Serve != nil {
		return a.byType(r.Context(), w, request{Request: r, target: found, query: q})
	}
	handle, verb := a.route(r.Method, found)
	if handle == nil {
		return fairlead.Errorf(fairlead.MethodNotAllowed, "The resource type '%s' does not support the method %s here.", found.kind.Name, r.Method)
	}
	if err := a.permit(r.Context(), found, verb); err != nil {
		return err
	}
	if err := a.registered(r.Context(), r.Method, found); err != nil {
		return err
	}
	return handle(w, request{Request: r, target: found, query: q, permission: found.kind.action(verb)})
}

// byType lets a type answer, and records what was done.
func (a *API) byType(ctx context.Context, w http.ResponseWriter, r request) error {
	err := r.kind.Serve(w, r.Request, Place{ID: r.id, Scope: enclosing(r.id), Filter: r.filter, Collection: r.scope != ""})
	if verb, changes := map[string]string{http.MethodPut: "write", http.MethodDelete: "delete"}[r.Method]; changes && err == nil {
		r.permission = r.kind.action(verb)
		a.acted(ctx, r, err)
	}
	return err
}

func (a *API) permit(ctx context.Context, t target, verb string) error {
	if t.scope != "" {
		return nil // the list shows what the caller may read
	}
	return a.Access.Check(ctx, t.kind.action(verb), t.id.String())
}

// registered refuses to write resources of a provider that the subscription has not registered.
func (a *API) registered(ctx context.Context, method string, t target) error {
	if a.Registered == nil || t.id.Subscription == "" || method != http.MethodPut && method != http.MethodPatch {
		return nil
	}
	return a.Registered(ctx, t.id.Subscription, t.kind.namespace())
}

// route returns the handler and the last part of the action that access is asked for.
func (a *API) route(method string, t target) (func(http.ResponseWriter, request) error, string) {
	switch {
	case t.scope != "" && method == http.MethodGet:
		return a.list, "read"
	case t.scope != "":
		return nil, ""
	case t.action != "" && t.kind.Actions[t.action] != nil:
		return a.act, t.action + "/action"
	case method == http.MethodGet, method == http.MethodHead:
		return a.get, "read"
	case method == http.MethodPut:
		return a.put, "write"
	case method == http.MethodPatch:
		return a.patch, "write"
	case method == http.MethodDelete:
		return a.delete, "delete"
	default:
		return nil, ""
	}
}
