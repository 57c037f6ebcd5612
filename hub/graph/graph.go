// Package graph is the part of Microsoft Graph (v1.0) that tools need to work with a directory: users, groups and who
// is in them, service principals and their secrets. What a principal may do is no business of
// this package (hub/access), nor is signing in (hub/token).
package graph

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// The actions that callers need on scope "/".
const (
	readAction   = "Microsoft.Directory/servicePrincipals/read"
	writeAction  = "Microsoft.Directory/servicePrincipals/write"
	deleteAction = "Microsoft.Directory/servicePrincipals/delete"

	readUsers   = "Microsoft.Directory/users/read"
	writeUsers  = "Microsoft.Directory/users/write"
	deleteUsers = "Microsoft.Directory/users/delete"

	readGroups   = "Microsoft.Directory/groups/read"
	writeGroups  = "Microsoft.Directory/groups/write"
	deleteGroups = "Microsoft.Directory/groups/delete"

	readObjects      = "Microsoft.Directory/directoryObjects/read"
	readOrganization = "Microsoft.Directory/organization/read"

	assignAction   = "Microsoft.Authorization/roleAssignments/write"
	unassignAction = "Microsoft.Authorization/roleAssignments/delete"
)

// root is the scope on which principals are guarded: they belong to no subscription.
const root = "/"

// maxBody bounds a request's document.
const maxBody = 16 << 10

// Access decides who may do what, and knows and forgets the roles of a principal; access.Checker is one.
type Access interface {
	Check(ctx context.Context, action, scope string) error
	Assignments(ctx context.Context, principalID string) ([]access.Assignment, error)
	Effective(ctx context.Context, principalID string) ([]access.Assignment, error)
	Owners(ctx context.Context) ([]string, error)
	Forget(ctx context.Context, principalID string) error
}

// API is the directory's HTTP surface. The requests that reach it are authenticated. Hasher is shared with whoever
// signs users in, so that its bound holds for both; all fields are required.
type API struct {
	Store    *store.DB
	Access   Access
	TenantID string
	Hasher   *password.Hasher
	Now      func() time.Time
	Log      *slog.Logger
}

// Mount adds the directory to mux, which must see paths in lower case.
func (a *API) Mount(mux *http.ServeMux) {
	for _, route := range a.routes() {
		mux.Handle(route.pattern, a.guarded(route))
	}
}

// answer does what a request asks for and returns the status and document to answer with.
type answer func(w http.ResponseWriter, r *http.Request) (int, any, error)

// route is a pattern and what it takes: an action on the root, or, where own is set, to ask about oneself.
type route struct {
	pattern string
	action  string
	answer  answer
	own     bool
}

// everybody is the action of what each caller may do.
const everybody = ""

// guarded answers requests of callers who may do what the route takes.
func (a *API) guarded(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, document, err := 0, any(nil), a.check(r, route)
		if err == nil {
			status, document, err = route.answer(w, r)
		}
		count, isCount := document.(plain)
		switch {
		case err != nil:
			reply.Writer{Log: a.Log}.Error(w, r, inGraphsWords(err))
		case document == nil:
			w.WriteHeader(status)
		case isCount:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write(strconv.AppendInt(nil, int64(count), 10)) // nobody is left to tell if this fails
		default:
			reply.JSON(w, status, document)
		}
	})
}

func (a *API) check(r *http.Request, route route) error {
	self := caller(r.Context())
	if self != "" && (route.action == everybody || route.own && r.PathValue("id") == self) {
		return nil
	}
	if route.action == everybody {
		return a.Access.Check(r.Context(), readObjects, root) // says that nobody is signed in
	}
	return a.Access.Check(r.Context(), route.action, root)
}

// inGraphsWords gives errors of other parts the codes that Graph has for them.
func inGraphsWords(err error) error {
	known, ok := errors.AsType[*fairlead.Error](err)
	if ok && known.Code == "InvalidRequestContent" {
		return known.WithCode("Request_BadRequest")
	}
	return err
}

func notFound(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	return 0, nil, fairlead.Errorf(fairlead.NotFound, "the directory has nothing at %s %.200q", r.Method, r.URL.Path).WithCode("Request_ResourceNotFound")
}

func invalid(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("Request_BadRequest")
}
