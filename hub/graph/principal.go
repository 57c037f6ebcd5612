package graph

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// maxDisplayName is Graph's own limit.
const maxDisplayName = 256

// principal is a service principal as Graph shows it.
type principal struct {
	ID          string       `json:"id"`
	AppID       string       `json:"appId"`
	DisplayName string       `json:"displayName"`
	Type        string       `json:"servicePrincipalType"`
	TenantID    string       `json:"appOwnerOrganizationId"`
	Enabled     bool         `json:"accountEnabled"`
	Created     time.Time    `json:"createdDateTime"`
	Passwords   []credential `json:"passwordCredentials,omitempty"`
}

type page struct {
	Value []principal `json:"value"`
}

func shown(p store.Principal) principal {
	kind := "Application"
	if p.Kind == store.ManagedIdentity {
		kind = store.ManagedIdentity
	}
	return principal{
		ID: p.ObjectID, AppID: p.AppID, DisplayName: p.DisplayName, Type: kind, TenantID: p.TenantID,
		Enabled: true, Created: p.CreatedAt,
	}
}

func (a *API) list(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	filter, err := parseFilter(r.URL.Query().Get("$filter"))
	if err != nil {
		return 0, nil, err
	}
	all, err := a.Store.FindPrincipals(r.Context(), store.PrincipalQuery{Kinds: []string{store.ServicePrincipal, store.ManagedIdentity}})
	if err != nil {
		return 0, nil, err
	}
	found := page{Value: []principal{}}
	for _, stored := range all {
		if one := shown(stored); filter.matches(one) {
			found.Value = append(found.Value, one)
		}
	}
	return http.StatusOK, found, nil
}

func (a *API) create(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var wanted struct {
		DisplayName string `json:"displayName"`
	}
	if err := reply.Decode(w, r, maxBody, &wanted); err != nil {
		return 0, nil, err
	}
	name := strings.TrimSpace(wanted.DisplayName)
	if name == "" || len(name) > maxDisplayName {
		return 0, nil, invalid("a displayName of at most %d characters is needed", maxDisplayName)
	}
	made := store.Principal{
		ObjectID: uuid.NewString(), AppID: uuid.NewString(), TenantID: a.TenantID,
		Kind: store.ServicePrincipal, DisplayName: name, CreatedAt: a.Now(),
	}
	if err := a.Store.CreatePrincipal(r.Context(), made); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "service principal created", slog.String("object_id", made.ObjectID), slog.String("app_id", made.AppID))
	return http.StatusCreated, shown(made), nil
}

func (a *API) get(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.principal(r)
	if err != nil {
		return 0, nil, err
	}
	credentials, err := a.Store.Credentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	one := shown(stored)
	for _, held := range credentials {
		one.Passwords = append(one.Passwords, shownCredential(held))
	}
	return http.StatusOK, one, nil
}

// remove leaves identities of clusters alone: they go with their clusters.
func (a *API) remove(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), unassignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	if err := a.keepOwner(r.Context(), stored.ObjectID); err != nil {
		return 0, nil, err
	}
	if err := a.delete(r.Context(), stored.ObjectID); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "service principal deleted", slog.String("object_id", stored.ObjectID))
	return http.StatusNoContent, nil, nil
}

func (a *API) delete(ctx context.Context, objectID string) error {
	if err := a.Store.DeletePrincipal(ctx, objectID); err != nil {
		return err
	}
	return a.Access.Forget(ctx, objectID)
}

// mayOnEveryRole checks an action on every scope where the principal has a role: to make a secret
// for a principal is to get its roles, to delete it is to take them away, and neither may be a
// way around hub/access.
func (a *API) mayOnEveryRole(ctx context.Context, action, objectID string) error {
	roles, err := a.Access.Assignments(ctx, objectID)
	if err != nil {
		return err
	}
	for _, role := range roles {
		if err := a.Access.Check(ctx, action, role.Scope); err != nil {
			return err
		}
	}
	return nil
}

// keepOwner refuses to let the last owner of the root go: nobody could give roles any more.
func (a *API) keepOwner(ctx context.Context, objectID string) error {
	owner, err := a.ownsRoot(ctx, objectID)
	if err != nil || !owner {
		return err
	}
	all, err := a.Store.ListPrincipals(ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.ObjectID == objectID {
			continue
		}
		if owner, err := a.ownsRoot(ctx, other.ObjectID); err != nil || owner {
			return err
		}
	}
	return fairlead.Errorf(fairlead.Conflict, "'%s' is the last owner of the scope '/': make somebody else an owner first", objectID)
}

func (a *API) ownsRoot(ctx context.Context, objectID string) (bool, error) {
	roles, err := a.Access.Assignments(ctx, objectID)
	return slices.ContainsFunc(roles, func(role access.Assignment) bool {
		return role.Scope == root && strings.EqualFold(role.RoleGUID(), access.Owner)
	}), err
}

// principal returns the principal that the path names.
func (a *API) principal(r *http.Request) (store.Principal, error) {
	id := r.PathValue("id")
	stored, err := a.Store.GetPrincipal(r.Context(), id)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return stored, fairlead.Errorf(fairlead.NotFound, "service principal '%.64s' does not exist", id).WithCode("Request_ResourceNotFound")
	}
	return stored, err
}

// service is principal for what is possible with service principals only.
func (a *API) service(r *http.Request) (store.Principal, error) {
	stored, err := a.principal(r)
	if err == nil && stored.Kind != store.ServicePrincipal {
		return stored, invalid("'%s' is the identity of a connected cluster, which manages it", stored.ObjectID)
	}
	return stored, err
}

func invalid(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("Request_BadRequest")
}
