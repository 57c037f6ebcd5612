package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

func (a *API) get(w http.ResponseWriter, r request) error {
	stored, err := a.load(r.Context(), r.target)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		w.Header().Set("ETag", quoted(stored.ETag))
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return a.show(r.Context(), w, http.StatusOK, r.kind, stored)
}

func (a *API) act(w http.ResponseWriter, r request) error {
	stored, err := a.load(r.Context(), r.target)
	if err != nil {
		return err
	}
	body, err := reply.Body(w, r.Request, store.MaxDocument)
	if err != nil {
		return err
	}
	result, err := r.kind.Actions[r.action](r.Context(), stored, body)
	a.acted(r.Context(), r, err)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, result)
	return nil
}

// load returns a resource, or says in Azure's words what is missing.
func (a *API) load(ctx context.Context, t target) (store.Resource, error) {
	stored, err := a.Store.GetResource(ctx, t.id.Key())
	if !absent(err) {
		return stored, err
	}
	if err := a.parents(ctx, t); err != nil {
		return store.Resource{}, err
	}
	return store.Resource{}, missing(t)
}

func missing(t target) error {
	id := t.id
	switch {
	case id.Namespace == "" && id.ResourceGroup != "":
		return missingGroup(id)
	case id.ResourceGroup == "":
		return fairlead.Errorf(fairlead.NotFound, "The Resource '%s/%s' was not found. %s", t.kind.Name, id.Name(), moreAbout)
	default:
		return fairlead.Errorf(fairlead.NotFound, "The Resource '%s/%s' under resource group '%s' was not found. %s",
			t.kind.namespace(), typedName(id), id.ResourceGroup, moreAbout)
	}
}

const moreAbout = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"

func missingGroup(id fairlead.ResourceID) error {
	return fairlead.Errorf(fairlead.NotFound, "Resource group '%s' could not be found.", id.ResourceGroup).WithCode("ResourceGroupNotFound")
}

// typedName returns type/name pairs without the namespace.
func typedName(id fairlead.ResourceID) string {
	pairs := make([]string, len(id.Types))
	for i := range id.Types {
		pairs[i] = id.Types[i] + "/" + id.Names[i]
	}
	return strings.Join(pairs, "/")
}

// parents says which of the subscription, the group and the parent resource does not exist.
func (a *API) parents(ctx context.Context, t target) error {
	id := t.id
	if id.Subscription != "" {
		if exists, err := a.exists(ctx, fairlead.ResourceID{Subscription: id.Subscription}.Key()); err != nil || !exists {
			return orMissing(err, fairlead.Errorf(fairlead.NotFound, "The subscription '%s' could not be found.", id.Subscription).
				WithCode("SubscriptionNotFound"))
		}
	}
	if id.ResourceGroup != "" && id.Namespace != "" {
		group := fairlead.ResourceID{Subscription: id.Subscription, ResourceGroup: id.ResourceGroup}
		if exists, err := a.exists(ctx, group.Key()); err != nil || !exists {
			return orMissing(err, missingGroup(id))
		}
	}
	if parent := enclosing(id); id.Scope != "" || len(id.Types) > 1 {
		if exists, err := a.exists(ctx, strings.ToLower(t.keptParent())); err != nil || !exists {
			return orMissing(err, fairlead.Errorf(fairlead.NotFound, "Failed to perform an operation on resource(s) of type '%s', because "+
				"the parent resource '%s' could not be found.", t.kind.Name, parent).WithCode("ParentResourceNotFound"))
		}
	}
	return nil
}

// keptParent is the resource that must exist for another to exist, "/" for the root.
func (t target) keptParent() string {
	parent := enclosing(t.id)
	if t.kind != nil && t.kind.Inside != nil {
		return t.kind.Inside(parent)
	}
	return parent
}

func orMissing(err error, missing error) error {
	if err != nil {
		return err
	}
	return missing
}

func (a *API) exists(ctx context.Context, key string) (bool, error) {
	_, err := a.Store.GetResource(ctx, key)
	if absent(err) {
		return false, nil
	}
	return err == nil, err
}

// absent reports that an error says that something does not exist.
func absent(err error) bool { return fairlead.KindOf(err) == fairlead.NotFound }

func (a *API) show(ctx context.Context, w http.ResponseWriter, status int, kind *Type, stored store.Resource) error {
	document, err := a.render(ctx, kind, stored)
	if err != nil {
		return err
	}
	if stored.ETag != "" {
		w.Header().Set("ETag", quoted(stored.ETag))
	}
	reply.JSON(w, status, document)
	return nil
}

func quoted(etag string) string { return `"` + etag + `"` }

// render adds to a stored document what every resource has and what its type shows.
func (a *API) render(ctx context.Context, kind *Type, stored store.Resource) (Document, error) {
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return nil, fmt.Errorf("stored document of %s: %s", stored.Key, err.Error())
	}
	document["id"], document["name"], document["type"] = stored.ID, stored.Name, kind.Name
	if !stored.CreatedAt.IsZero() {
		document["systemData"] = systemData(stored)
	}
	if kind.View != nil {
		kind.View(ctx, stored, document)
	}
	return document, nil
}

type metadata struct {
	CreatedBy          string `json:"createdBy,omitempty"`
	CreatedByType      string `json:"createdByType"`
	CreatedAt          string `json:"createdAt"`
	LastModifiedBy     string `json:"lastModifiedBy,omitempty"`
	LastModifiedByType string `json:"lastModifiedByType"`
	LastModifiedAt     string `json:"lastModifiedAt"`
}

func systemData(stored store.Resource) metadata {
	return metadata{
		stored.CreatedBy, identityType(stored.CreatedBy), stored.CreatedAt.Format(time.RFC3339Nano),
		stored.UpdatedBy, identityType(stored.UpdatedBy), stored.UpdatedAt.Format(time.RFC3339Nano),
	}
}

// identityType tells user names, which have the form of addresses, from application ids.
func identityType(name string) string {
	if strings.Contains(name, "@") {
		return "User"
	}
	return "Application"
}

// body is a document as the store keeps it.
func body(document Document) (json.RawMessage, error) {
	for _, rendered := range []string{"id", "name", "type", "systemData", "etag"} {
		delete(document, rendered)
	}
	return json.Marshal(document)
}
