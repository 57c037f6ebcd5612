package provider

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

func (d *Directory) mountNamespaces(mux *http.ServeMux) {
	const all, one = "/subscriptions/{subscription}/providers", "/subscriptions/{subscription}/providers/{namespace}"
	mux.HandleFunc("GET /providers", d.answer(d.tenantProviders))
	mux.HandleFunc("GET /providers/{namespace}", d.answer(d.tenantProvider))
	mux.HandleFunc("GET "+all, d.answer(d.providers))
	mux.HandleFunc("GET "+one, d.answer(d.provider))
	mux.HandleFunc("POST "+one+"/register", d.answer(d.register))
	mux.HandleFunc("POST "+one+"/unregister", d.answer(d.unregister))
}

// Registered refuses a namespace that a subscription has unregistered: nothing of it can be made or changed
// there. What was never unregistered is registered, so that a new hub is ready for use.
func Registered(db *store.DB) func(ctx context.Context, subscription, namespace string) error {
	return func(ctx context.Context, subscription, namespace string) error {
		found, err := db.Registration(ctx, subscription, namespace)
		switch {
		case err != nil && fairlead.KindOf(err) == fairlead.NotFound:
			return nil
		case err != nil || found.Registered || free(namespace):
			return err
		}
		return fairlead.Errorf(fairlead.Conflict, "The subscription is not registered to use namespace '%s'. "+
			"See https://aka.ms/rps-not-found for how to register subscriptions.", namespace).WithCode("MissingSubscriptionRegistration")
	}
}

// states returns which namespaces and features of a subscription are noted, by their names in lower case.
func (d *Directory) states(ctx context.Context, subscription string) (map[string]store.Registration, error) {
	noted, err := d.Store.Registrations(ctx, subscription)
	states := make(map[string]store.Registration, len(noted))
	for _, one := range noted {
		states[strings.ToLower(one.Name)] = one
	}
	return states, err
}

// shown makes the documents of all namespaces below a scope, which is "" or a subscription's id.
func (d *Directory) shown(scope string, states map[string]store.Registration) []namespace {
	all := []namespace{}
	for name, types := range d.namespaces() {
		state, policy := registered, mustRegister
		if noted, ok := states[strings.ToLower(name)]; ok && !noted.Registered {
			state = unregistered
		}
		if free(name) {
			state, policy = registered, alwaysThere
		}
		all = append(all, namespace{scope + "/providers/" + name, name, policy, state, types})
	}
	slices.SortFunc(all, func(x, y namespace) int { return strings.Compare(x.Namespace, y.Namespace) })
	return all
}

func pick(all []namespace, name string) (namespace, error) {
	for _, known := range all {
		if strings.EqualFold(known.Namespace, name) {
			return known, nil
		}
	}
	return namespace{}, fairlead.Errorf(fairlead.NotFound, "The resource namespace '%.64s' is invalid.", name).WithCode("InvalidResourceNamespace")
}

// tenantProviders shows what the hub has to everybody who has signed in; registrations are subscriptions'.
func (d *Directory) tenantProviders(w http.ResponseWriter, r *http.Request) error {
	if _, ok := access.PrincipalFrom(r.Context()); !ok {
		return d.Access.Check(r.Context(), readSubscription, "/")
	}
	reply.JSON(w, http.StatusOK, list[namespace]{Value: d.shown("", nil)})
	return nil
}

func (d *Directory) tenantProvider(w http.ResponseWriter, r *http.Request) error {
	if _, ok := access.PrincipalFrom(r.Context()); !ok {
		return d.Access.Check(r.Context(), readSubscription, "/")
	}
	found, err := pick(d.shown("", nil), r.PathValue("namespace"))
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, found)
	return nil
}

// inSubscription returns the namespaces of the subscription of the path, if the caller has a role in it.
func (d *Directory) inSubscription(r *http.Request) (store.Resource, []namespace, error) {
	stored, err := d.visible(r)
	if err != nil {
		return stored, nil, err
	}
	states, err := d.states(r.Context(), stored.Name)
	return stored, d.shown(stored.ID, states), err
}

func (d *Directory) providers(w http.ResponseWriter, r *http.Request) error {
	_, all, err := d.inSubscription(r)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, list[namespace]{Value: all})
	return nil
}

func (d *Directory) provider(w http.ResponseWriter, r *http.Request) error {
	_, all, err := d.inSubscription(r)
	if err != nil {
		return err
	}
	found, err := pick(all, r.PathValue("namespace"))
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, found)
	return nil
}

// register takes effect at once, so that clients never find Registering.
func (d *Directory) register(w http.ResponseWriter, r *http.Request) error {
	return d.change(w, r, "register", registered, func(noted store.Registration) error {
		noted.Registered = true
		return d.Store.Register(r.Context(), noted)
	})
}

func (d *Directory) unregister(w http.ResponseWriter, r *http.Request) error {
	return d.change(w, r, "unregister", unregistered, func(noted store.Registration) error {
		if free(noted.Name) {
			return fairlead.Errorf(fairlead.Conflict, "The resource provider '%s' cannot be unregistered: every subscription needs it.", noted.Name)
		}
		err := d.Store.UnregisterNamespace(r.Context(), noted)
		if err != nil && fairlead.KindOf(err) == fairlead.Conflict {
			return fairlead.Errorf(fairlead.Conflict, "The resource provider '%s' cannot be unregistered, because the subscription still has resources of its types: %w.",
				noted.Name, err)
		}
		return err
	})
}

// change notes a registration or its end, if the caller may, and answers with the namespace as it is then.
func (d *Directory) change(w http.ResponseWriter, r *http.Request, verb, state string, note func(store.Registration) error) error {
	stored, all, err := d.inSubscription(r)
	if err != nil {
		return err
	}
	found, err := pick(all, r.PathValue("namespace"))
	if err != nil {
		return err
	}
	action := found.Namespace + "/" + verb + "/action"
	if err := d.Access.Check(r.Context(), action, stored.ID); err != nil {
		return err
	}
	if err := note(store.Registration{Subscription: stored.Name, Name: found.Namespace, ChangedAt: d.Now()}); err != nil {
		return err
	}
	if err := d.record(r, action, stored.Name); err != nil {
		return err
	}
	found.RegistrationState = state
	reply.JSON(w, http.StatusOK, found)
	return nil
}

// record writes into the activity log what has been done to a subscription.
func (d *Directory) record(r *http.Request, action, subscription string) error {
	ctx := context.WithoutCancel(r.Context())
	return d.Store.RecordActivity(ctx, resource.Entry(ctx, r, d.Now(), action, fairlead.ResourceID{Subscription: subscription}))
}
