// Package graph is the small part of Microsoft Graph that tools need to work with service
// principals: find, make and delete them, and give them secrets. What a principal may do is no
// business of this package (hub/access), nor is signing in (hub/token).
package graph

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// The actions that callers need on scope "/".
const (
	readAction   = "Microsoft.Directory/servicePrincipals/read"
	writeAction  = "Microsoft.Directory/servicePrincipals/write"
	deleteAction = "Microsoft.Directory/servicePrincipals/delete"

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
	Forget(ctx context.Context, principalID string) error
}

// API is the directory's HTTP surface. The requests that reach it are authenticated.
type API struct {
	Store    *store.DB
	Access   Access
	TenantID string
	Now      func() time.Time
	Log      *slog.Logger
}

// Mount adds the directory to mux, which must see paths in lower case.
func (a *API) Mount(mux *http.ServeMux) {
	for _, route := range a.routes() {
		mux.Handle(route.pattern, a.guarded(route.action, route.answer))
	}
}

// answer does what a request asks for and returns the status and document to answer with.
type answer func(w http.ResponseWriter, r *http.Request) (int, any, error)

type route struct {
	pattern string
	action  string
	answer  answer
}

func (a *API) routes() []route {
	return []route{
		{"GET /v1.0/serviceprincipals", readAction, a.list},
		{"POST /v1.0/serviceprincipals", writeAction, a.create},
		{"GET /v1.0/serviceprincipals/{id}", readAction, a.get},
		{"DELETE /v1.0/serviceprincipals/{id}", deleteAction, a.remove},
		{"POST /v1.0/serviceprincipals/{id}/addpassword", writeAction, a.addPassword},
		{"POST /v1.0/serviceprincipals/{id}/removepassword", writeAction, a.removePassword},
		{"/v1.0/", readAction, notFound},
	}
}

// guarded answers requests of callers who may do action.
func (a *API) guarded(action string, next answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, document, err := 0, any(nil), a.Access.Check(r.Context(), action, root)
		if err == nil {
			status, document, err = next(w, r)
		}
		switch {
		case err != nil:
			reply.Writer{Log: a.Log}.Error(w, r, err)
		case document == nil:
			w.WriteHeader(status)
		default:
			reply.JSON(w, status, document)
		}
	})
}

func notFound(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	return 0, nil, fairlead.Errorf(fairlead.NotFound, "the directory has nothing at %s %.200q", r.Method, r.URL.Path).WithCode("Request_ResourceNotFound")
}
