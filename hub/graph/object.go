package graph

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// object is a directory object as Graph shows it.
type object map[string]any

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// shown returns a principal in the shape of its kind.
func shown(p store.Principal) object {
	one := object{"id": p.ObjectID, "displayName": p.DisplayName, "createdDateTime": p.CreatedAt.UTC().Format(time.RFC3339)}
	switch p.Kind {
	case store.User:
		showUser(one, p)
	case store.Group:
		showGroup(one, p)
	default:
		showService(one, p)
	}
	return one
}

func showUser(one object, p store.Principal) {
	one["@odata.type"] = "#microsoft.graph.user"
	one["userPrincipalName"], one["mail"], one["mailNickname"] = p.UserName, orNull(p.Mail), orNull(p.MailNickname)
	one["accountEnabled"], one["userType"] = !p.Disabled, "Member"
	for _, name := range []string{"givenName", "surname", "jobTitle", "mobilePhone", "officeLocation", "preferredLanguage"} {
		one[name] = nil
	}
	one["businessPhones"] = []string{}
	if p.Subject != "" {
		one["identities"] = []object{{"signInType": "federated", "issuer": p.Issuer, "issuerAssignedId": p.Subject}}
	}
}

func showGroup(one object, p store.Principal) {
	one["@odata.type"] = "#microsoft.graph.group"
	one["description"], one["mailNickname"], one["mail"] = orNull(p.Description), p.MailNickname, nil
	one["securityEnabled"], one["mailEnabled"], one["groupTypes"] = true, false, []string{}
	one["securityIdentifier"], one["visibility"] = nil, nil
}

func showService(one object, p store.Principal) {
	kind := "Application"
	if p.Kind == store.ManagedIdentity {
		kind = store.ManagedIdentity
	}
	one["@odata.type"] = "#microsoft.graph.servicePrincipal"
	one["appId"], one["appDisplayName"], one["servicePrincipalNames"] = p.AppID, p.DisplayName, []string{p.AppID}
	one["servicePrincipalType"], one["appOwnerOrganizationId"], one["accountEnabled"] = kind, p.TenantID, !p.Disabled
}

// The kinds of principals that Graph calls service principals.
func serviceKinds() []string { return []string{store.ServicePrincipal, store.ManagedIdentity} }

func absent(id string) error {
	return fairlead.Errorf(fairlead.NotFound, "Resource '%.128s' does not exist or one of its queried reference-property objects are not present.", id).
		WithCode("Request_ResourceNotFound")
}

// find returns the principal of one of these kinds, all if there are none, that the path names: users also by their
// user name.
func (a *API) find(r *http.Request, kinds ...string) (store.Principal, error) {
	id := r.PathValue("id")
	if id == "" { // below /me
		id = caller(r.Context())
	}
	return a.lookUp(r.Context(), id, kinds...)
}

func (a *API) lookUp(ctx context.Context, id string, kinds ...string) (store.Principal, error) {
	if len(id) > 256 || !validText(id) {
		return store.Principal{}, absent(id)
	}
	get := a.Store.GetPrincipal
	if strings.Contains(id, "@") {
		get = a.Store.UserByName
	}
	found, err := get(ctx, id)
	if fairlead.KindOf(err) == fairlead.NotFound || err == nil && len(kinds) > 0 && !slices.Contains(kinds, found.Kind) {
		return store.Principal{}, absent(id)
	}
	return found, err
}

func caller(ctx context.Context) string {
	principal, _ := access.PrincipalFrom(ctx)
	return principal.ObjectID
}

// lister lists principals of these kinds.
func (a *API) lister(kinds ...string) answer {
	return func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		o, err := readOptions(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		found, err := a.Store.FindPrincipals(r.Context(), o.query)
		if err != nil {
			return 0, nil, err
		}
		page := o.paged(r, found)
		if o.count {
			total := o.query
			total.After = ""
			count, err := a.Store.CountPrincipals(r.Context(), total)
			if err != nil {
				return 0, nil, err
			}
			page.Count = &count
		}
		return http.StatusOK, page, nil
	}
}

// plain is an answer that is no document.
type plain int64

// counter answers …/$count.
func (a *API) counter(kinds ...string) answer {
	return func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		o, err := readOptions(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		count, err := a.Store.CountPrincipals(r.Context(), o.query)
		return http.StatusOK, plain(count), err
	}
}

// getter shows the principal of these kinds that the path names.
func (a *API) getter(kinds ...string) answer {
	return func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		found, err := a.find(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		one := shown(found).only(readSelect(r.URL.Query()))
		one["@odata.context"] = contextOf(r) + "/$entity"
		return http.StatusOK, one, nil
	}
}
