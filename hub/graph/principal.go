package graph

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// maxDisplayName is Graph's own limit.
const maxDisplayName = 256

// create makes a service principal. One for an application that is named by its id is there already.
func (a *API) create(w http.ResponseWriter, r *http.Request) (int, any, error) {
	made, err := a.createService(w, r)
	return http.StatusCreated, shown(made), err
}

func (a *API) createService(w http.ResponseWriter, r *http.Request) (store.Principal, error) {
	var sent sentService
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return store.Principal{}, err
	}
	if sent.AppID != "" {
		return a.ofApplication(r.Context(), sent.AppID)
	}
	made, err := a.newService(sent)
	if err != nil {
		return store.Principal{}, err
	}
	if err := a.Store.CreatePrincipal(r.Context(), made); err != nil {
		return store.Principal{}, err
	}
	a.Log.InfoContext(r.Context(), "service principal created", slog.String("object_id", made.ObjectID), slog.String("app_id", made.AppID))
	return made, nil
}

func (a *API) ofApplication(ctx context.Context, appID string) (store.Principal, error) {
	if len(appID) > maxText || !validText(appID) {
		return store.Principal{}, invalid("the appId is not one")
	}
	found, err := a.Store.PrincipalByAppID(ctx, strings.ToLower(appID))
	if fairlead.KindOf(err) == fairlead.NotFound || err == nil && found.Kind != store.ServicePrincipal {
		return store.Principal{}, invalid("The appId '%.64s' of the service principal does not reference a valid application object.", appID)
	}
	return found, err
}

func (a *API) get(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.principal(r)
	if err != nil {
		return 0, nil, err
	}
	secrets, err := a.secrets(r.Context(), stored)
	if err != nil {
		return 0, nil, err
	}
	one := shown(stored)
	if len(secrets) > 0 {
		one["passwordCredentials"] = secrets
	}
	keys, err := a.keys(r.Context(), stored)
	if err != nil {
		return 0, nil, err
	}
	if len(keys) > 0 {
		one["keyCredentials"] = keys
	}
	return http.StatusOK, one.only(readSelect(r.URL.Query())), nil
}

func (a *API) secrets(ctx context.Context, p store.Principal) ([]credential, error) {
	held, err := a.Store.Credentials(ctx, p.ObjectID)
	secrets := make([]credential, 0, len(held))
	for _, one := range held {
		secrets = append(secrets, shownCredential(one))
	}
	return secrets, err
}

// remove leaves identities of clusters alone: they go with their clusters.
func (a *API) remove(w http.ResponseWriter, r *http.Request) (int, any, error) {
	if _, err := a.service(r); err != nil {
		return 0, nil, err
	}
	return a.deleter(store.ServicePrincipal)(w, r)
}

func (a *API) delete(ctx context.Context, objectID string) error {
	if err := a.Store.DeletePrincipal(ctx, objectID); err != nil {
		return err
	}
	return a.Access.Forget(ctx, objectID)
}

// principal returns the service principal or cluster's identity that the path names.
func (a *API) principal(r *http.Request) (store.Principal, error) {
	return a.find(r, serviceKinds()...)
}

// service is principal for what is possible with service principals only.
func (a *API) service(r *http.Request) (store.Principal, error) {
	stored, err := a.principal(r)
	if err == nil && stored.Kind != store.ServicePrincipal {
		return stored, invalid("'%s' is the identity of a connected cluster, which manages it", stored.ObjectID)
	}
	return stored, err
}
