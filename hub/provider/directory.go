package provider

import (
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// SubscriptionType is the resource type under which the store keeps subscriptions.
const SubscriptionType = "microsoft.resources/subscriptions"

const readSubscription = "Microsoft.Resources/subscriptions/read"

// Directory serves the documents that say what there is: tenants, subscriptions, locations, providers and
// preview features. Whoever has a role in a subscription sees it. It accepts any api-version, as clients
// of every age ask for these first. All fields are required.
type Directory struct {
	Store     *store.DB
	Access    *access.Checker
	Reply     reply.Writer
	TenantID  string
	Locations []string
	Types     []resource.Type
	Now       func() time.Time
}

// Mount adds the documents to the mux of a resource.API.
func (d *Directory) Mount(mux *http.ServeMux) {
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /tenants":                                d.tenants,
		"GET /subscriptions":                          d.subscriptions,
		"GET /subscriptions/{subscription}":           d.subscription,
		"GET /subscriptions/{subscription}/locations": d.locations,
	} {
		mux.HandleFunc(pattern, d.answer(serve))
	}
	d.mountNamespaces(mux)
	d.mountFeatures(mux)
}

func (d *Directory) answer(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			d.Reply.Error(w, r, err)
		}
	}
}

type list[T any] struct {
	Value    []T     `json:"value"`
	NextLink *string `json:"nextLink"`
}

type tenant struct {
	ID          string `json:"id"`
	TenantID    string `json:"tenantId"`
	DisplayName string `json:"displayName"`
	Category    string `json:"tenantCategory"`
}

func (d *Directory) tenants(w http.ResponseWriter, r *http.Request) error {
	if _, ok := access.PrincipalFrom(r.Context()); !ok {
		return d.Access.Check(r.Context(), readSubscription, "/")
	}
	reply.JSON(w, http.StatusOK, list[tenant]{Value: []tenant{{"/tenants/" + d.TenantID, d.TenantID, "Fairlead", "Home"}}})
	return nil
}

func (d *Directory) subscriptions(w http.ResponseWriter, r *http.Request) error {
	stored, err := d.Store.ListResources(r.Context(), store.Query{Type: SubscriptionType})
	if err != nil {
		return err
	}
	shown := list[resource.Document]{Value: []resource.Document{}}
	for _, one := range stored {
		err := d.Access.Present(r.Context(), readSubscription, one.ID)
		if err != nil && fairlead.KindOf(err) == fairlead.Forbidden {
			continue
		}
		if err != nil {
			return err
		}
		document, err := d.subscriptionDocument(one)
		if err != nil {
			return err
		}
		shown.Value = append(shown.Value, document)
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

func (d *Directory) subscription(w http.ResponseWriter, r *http.Request) error {
	stored, err := d.visible(r)
	if err != nil {
		return err
	}
	document, err := d.subscriptionDocument(stored)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, document)
	return nil
}

// visible returns the subscription of the path if the caller has a role in it.
func (d *Directory) visible(r *http.Request) (store.Resource, error) {
	id, err := fairlead.ParseResourceID("/subscriptions/" + r.PathValue("subscription"))
	if err != nil {
		return store.Resource{}, err
	}
	if err := d.Access.Present(r.Context(), readSubscription, id.String()); err != nil {
		return store.Resource{}, err
	}
	stored, err := d.Store.GetResource(r.Context(), id.Key())
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return stored, fairlead.Errorf(fairlead.NotFound, "The subscription '%s' could not be found.", id.Subscription).WithCode("SubscriptionNotFound")
	}
	return stored, err
}

func (d *Directory) subscriptionDocument(stored store.Resource) (resource.Document, error) {
	document, err := resource.ReadDocument(stored.Body)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]any{
		"displayName": stored.Name, "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": []string{},
		"subscriptionPolicies": map[string]string{"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
	} {
		if !document.Has(name) {
			document[name] = value
		}
	}
	document["id"], document["subscriptionId"], document["tenantId"] = stored.ID, stored.Name, d.TenantID
	return document, nil
}

type location struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Regional    string `json:"regionalDisplayName"`
	Type        string `json:"type"`
}

func (d *Directory) locations(w http.ResponseWriter, r *http.Request) error {
	stored, err := d.visible(r)
	if err != nil {
		return err
	}
	shown := list[location]{Value: []location{}}
	for _, name := range d.Locations {
		title := strings.ToUpper(name[:1]) + name[1:]
		shown.Value = append(shown.Value, location{stored.ID + "/locations/" + name, name, title, title, "Region"})
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}
