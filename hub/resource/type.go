package resource

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Type describes one resource type to the engine. Only Name is required.
type Type struct {
	// Name is the type's full name in its proper spelling, such as
	// Microsoft.Kubernetes/connectedClusters. Nested types have more segments.
	Name string
	// Level says where resources of the type live; the zero value is in a resource group.
	Level Level
	// APIVersions are accepted in api-version. When empty, the parameter is not looked at.
	APIVersions []string
	// Permission begins the actions that access is asked for, when Name does not.
	Permission string
	// Names is what a new resource's name must match.
	Names *regexp.Regexp
	// Locations are where such resources may be. When not empty, a location is required and
	// cannot be changed, and documents carry properties.provisioningState.
	Locations []string
	// ReadOnly are the dotted paths, such as properties.agentVersion, that clients cannot set.
	// What they send there is dropped, what is stored there stays.
	ReadOnly []string
	// Keep are the dotted paths that stay as they are when a PUT leaves them out. An object is
	// merged with the one that is stored.
	Keep []string

	// Prepare validates a change before it is stored and completes it: defaults, computed values.
	Prepare func(ctx context.Context, change *Change) error
	// Leave completes the document that waits for its deletion, for Delete to find there; query is the request's. A deletion that
	// is asked for again is completed again.
	Leave func(ctx context.Context, document Document, query url.Values) error
	// WakesParent tells those who wait for changes of what resources of the type are on of theirs as well.
	WakesParent bool
	// Guard refuses, with a reason, to delete a resource that is needed; query is the request's.
	Guard func(ctx context.Context, stored store.Resource, query url.Values) error
	// View adds to a document what is not stored with it, each time it is shown.
	View func(ctx context.Context, stored store.Resource, shown Document)
	// Inside returns of what resource a parent is a part that the hub does not keep, such as a namespace of a cluster, else the
	// parent itself. It is asked of types that may be on anything; nil means that parents are resources.
	Inside func(parent string) string
	// Subject returns the principal that a document is about, for those that are about one.
	Subject func(document Document) string

	// Create, Update and Delete do what has to happen besides storing the document. They run as
	// journalled operations after the change has been accepted, again after a crash, and so must
	// be able to find their work done. A write to what was not made to the end runs Create again.
	// nil means that there is nothing to do.
	Create, Update, Delete Work

	// Settle, when set, notes in a document how an operation has ended, besides its state.
	Settle func(document Document, ended store.Operation)

	// Actions are the POST actions on a resource, by name in lower case.
	Actions map[string]Action

	// List, when set, finds the resources for a list instead of the engine: scope is the id that
	// the list was asked for ("/" for the root), filter the $filter parameter.
	List func(ctx context.Context, scope, filter string) ([]store.Resource, error)
	// Serve, when set, answers every request for the type instead of the engine, and decides who may do
	// what. It is for types that are not kept as one document at one place.
	Serve func(w http.ResponseWriter, r *http.Request, at Place) error
	// Created is the status of a PUT that makes a resource; 201 when it is 0.
	Created int
}

// Place is what a request for a type with Serve is about: a resource, or the collection in a scope, of
// which ID is then any member.
type Place struct {
	ID         fairlead.ResourceID
	Scope      string // "/" or an id
	Filter     string // the $filter parameter
	Collection bool
}

// Level says where resources of a type live.
type Level int

// The levels.
const (
	InGroup Level = iota
	InSubscription
	Anywhere // an extension resource, on any scope
)

// Work is a part of a long operation. It returns a fairlead.Error for what the client shall read;
// anything else is logged and told as an internal error.
type Work func(ctx context.Context, stored store.Resource) error

// Action answers a POST action with a document. The caller's rights have been checked.
type Action func(ctx context.Context, stored store.Resource, request []byte) (any, error)

// Change is what a PUT or PATCH is about to store. Old is nil for a new resource; New may be
// changed by Prepare. Sent is what the client wrote, with the nulls; Replaces
// says that it was a PUT. What Prepare puts into Sealed is stored with the
// document and apart from it, and nothing, with Unseal, removes what was stored so.
type Change struct {
	ID             fairlead.ResourceID
	Old, New, Sent Document
	Replaces       bool
	Sealed         []byte
	Unseal         bool
}

// Correlation returns the id under which the request of ctx is spoken of, and what it leads to.
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

func (t *Type) key() string { return strings.ToLower(t.Name) }

func (t *Type) namespace() string {
	namespace, _, _ := strings.Cut(t.Name, "/")
	return namespace
}

// action returns what access is asked for, such as Microsoft.Kubernetes/connectedClusters/read.
func (t *Type) action(verb string) string {
	if t.Permission != "" {
		return t.Permission + "/" + verb
	}
	return t.Name + "/" + verb
}

// stateful reports whether documents carry a provisioningState.
func (t *Type) stateful() bool {
	return len(t.Locations) > 0 || t.Create != nil || t.Update != nil || t.Delete != nil
}

// spelled returns id with the type's own spelling of the fixed segments.
func (t *Type) spelled(id fairlead.ResourceID) fairlead.ResourceID {
	if id.Namespace == "" {
		return id
	}
	parts := strings.Split(t.Name, "/")
	id.Namespace, id.Types = parts[0], parts[1:]
	return id
}
