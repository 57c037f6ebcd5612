package provider

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// SubscriptionType is the resource type under which the store keeps subscriptions.
const SubscriptionType = "microsoft.resources/subscriptions"

const readSubscription = "Microsoft.Resources/subscriptions/read"

// Directory serves the fixed documents that say what there is: tenants, subscriptions, locations and
// providers. Whoever has a role in a subscription sees it. It accepts any api-version, as clients
// of every age ask for these first. All fields are required.
type Directory struct {
	Store     *store.DB
	Access    *access.Checker
	Reply     reply.Writer
	TenantID  string
	Locations []string
	Types     []resource.Type
}

// Mount adds the documents to the mux of a resource.API.
func (d *Directory) Mount(mux *http.ServeMux) {
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /tenants":                                                      d.tenants,
		"GET /subscriptions":                                                d.subscriptions,
		"GET /subscriptions/{subscription}":                                 d.subscription,
		"GET /subscriptions/{subscription}/locations":                       d.locations,
		"GET /subscriptions/{subscription}/providers":                       d.providers,
		"GET /subscriptions/{subscription}/providers/{namespace}":           d.provider,
		"POST /subscriptions/{subscription}/providers/{namespace}/register": d.register,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				d.Reply.Error(w, r, err)
			}
		})
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
		_, err := d.Access.Filter(r.Context(), readSubscription, one.ID)
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
	if _, err := d.Access.Filter(r.Context(), readSubscription, id.String()); err != nil {
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

// namespace is Azure's document of a resource provider.
type namespace struct {
	ID                 string         `json:"id"`
	Namespace          string         `json:"namespace"`
	RegistrationPolicy string         `json:"registrationPolicy"`
	RegistrationState  string         `json:"registrationState"`
	ResourceTypes      []resourceType `json:"resourceTypes"`
}

type resourceType struct {
	ResourceType string   `json:"resourceType"`
	Locations    []string `json:"locations"`
	APIVersions  []string `json:"apiVersions"`
}

func (d *Directory) providers(w http.ResponseWriter, r *http.Request) error {
	stored, err := d.visible(r)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, list[namespace]{Value: d.namespaces(stored.ID)})
	return nil
}

func (d *Directory) provider(w http.ResponseWriter, r *http.Request) error {
	stored, err := d.visible(r)
	if err != nil {
		return err
	}
	found, err := d.namespace(stored.ID, r.PathValue("namespace"))
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, found)
	return nil
}

// register finds every provider registered: the hub has them built in.
func (d *Directory) register(w http.ResponseWriter, r *http.Request) error {
	stored, err := d.visible(r)
	if err != nil {
		return err
	}
	found, err := d.namespace(stored.ID, r.PathValue("namespace"))
	if err != nil {
		return err
	}
	if err := d.Access.Check(r.Context(), found.Namespace+"/register/action", stored.ID); err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, found)
	return nil
}

func (d *Directory) namespace(subscription, name string) (namespace, error) {
	for _, known := range d.namespaces(subscription) {
		if strings.EqualFold(known.Namespace, name) {
			return known, nil
		}
	}
	return namespace{}, fairlead.Errorf(fairlead.NotFound, "The resource namespace '%.64s' is invalid.", name).WithCode("InvalidResourceNamespace")
}

// namespaces groups the resource types by their providers. Those without a type yet are named
// because clients look for them.
func (d *Directory) namespaces(subscription string) []namespace {
	types := map[string][]resourceType{"Microsoft.KubernetesConfiguration": {}}
	for _, kind := range d.Types {
		name, rest, _ := strings.Cut(kind.Name, "/")
		types[name] = append(types[name], resourceType{rest, orEmpty(kind.Locations), orEmpty(kind.APIVersions)})
	}
	found := make([]namespace, 0, len(types))
	for name, offered := range types {
		found = append(found, namespace{
			ID: subscription + "/providers/" + name, Namespace: name, RegistrationPolicy: "RegistrationRequired",
			RegistrationState: "Registered", ResourceTypes: offered,
		})
	}
	slices.SortFunc(found, func(x, y namespace) int { return strings.Compare(x.Namespace, y.Namespace) })
	return found
}
