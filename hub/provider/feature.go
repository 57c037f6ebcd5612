package provider

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	notRegistered = "NotRegistered"
	featuresOf    = "Microsoft.Features/providers/features"
	// More than there have ever been previews.
	maxFeatures = 1000
)

// feature is Azure's document of a preview feature.
type feature struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	Type       string       `json:"type"`
	Properties featureState `json:"properties"`
}

type featureState struct {
	State string `json:"state"`
}

// mountFeatures adds the paths of Microsoft.Features, which no other namespace has.
func (d *Directory) mountFeatures(mux *http.ServeMux) {
	const all = "/subscriptions/{subscription}/providers/{features}/features"
	const of = "/subscriptions/{subscription}/providers/{features}/providers/{namespace}/features"
	mux.HandleFunc("GET "+all, d.answer(d.features))
	mux.HandleFunc("GET "+of, d.answer(d.features))
	mux.HandleFunc("GET "+of+"/{feature}", d.answer(d.feature))
	mux.HandleFunc("POST "+of+"/{feature}/register", d.answer(func(w http.ResponseWriter, r *http.Request) error { return d.setFeature(w, r, registered) }))
	mux.HandleFunc("POST "+of+"/{feature}/unregister", d.answer(func(w http.ResponseWriter, r *http.Request) error { return d.setFeature(w, r, notRegistered) }))
}

// features shows those that have been registered at some time; the hub has no list of what could be.
func (d *Directory) features(w http.ResponseWriter, r *http.Request) error {
	stored, prefix, err := d.place(r)
	if err != nil {
		return err
	}
	if err := d.Access.Check(r.Context(), featuresOf+"/read", stored.ID); err != nil {
		return err
	}
	noted, err := d.Store.Registrations(r.Context(), stored.Name)
	if err != nil {
		return err
	}
	shown := list[feature]{Value: []feature{}}
	for _, one := range noted {
		if name, ok := cutFold(one.Name, prefix); ok && strings.Contains(one.Name, "/") && name != "" {
			shown.Value = append(shown.Value, showFeature(stored, one))
		}
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

func cutFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

func showFeature(subscription store.Resource, noted store.Registration) feature {
	namespace, name, _ := strings.Cut(noted.Name, "/")
	state := notRegistered
	if noted.Registered {
		state = registered
	}
	return feature{
		ID:   subscription.ID + "/providers/Microsoft.Features/providers/" + namespace + "/features/" + name,
		Name: noted.Name, Type: featuresOf, Properties: featureState{state},
	}
}

// place returns the subscription of a path and the beginning of the features that the path is about.
func (d *Directory) place(r *http.Request) (store.Resource, string, error) {
	if given := r.PathValue("features"); !strings.EqualFold(given, "Microsoft.Features") {
		return store.Resource{}, "", fairlead.Errorf(fairlead.NotFound, "The resource type 'features' could not be found in the namespace '%.64s'.", given).
			WithCode("InvalidResourceType")
	}
	stored, all, err := d.inSubscription(r)
	name := r.PathValue("namespace")
	if err != nil || name == "" {
		return stored, "", err
	}
	found, err := pick(all, name)
	return stored, found.Namespace + "/", err
}

// noted returns the feature of a path as it is noted, not registered when it is not.
func (d *Directory) noted(r *http.Request) (store.Resource, store.Registration, error) {
	stored, prefix, err := d.place(r)
	if err != nil {
		return stored, store.Registration{}, err
	}
	name := r.PathValue("feature")
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`).MatchString(name) {
		return stored, store.Registration{}, fairlead.Errorf(fairlead.NotFound, "The feature '%.64s' could not be found.", name).WithCode("FeatureNotFound")
	}
	known, err := d.Store.Registration(r.Context(), stored.Name, prefix+name)
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return stored, store.Registration{Subscription: stored.Name, Name: prefix + name}, nil
	}
	return stored, known, err
}

func (d *Directory) feature(w http.ResponseWriter, r *http.Request) error {
	stored, noted, err := d.noted(r)
	if err != nil {
		return err
	}
	if err := d.Access.Check(r.Context(), featuresOf+"/read", stored.ID); err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, showFeature(stored, noted))
	return nil
}

// setFeature registers a preview at once, or ends that: nobody has to approve it, so it is never Pending.
func (d *Directory) setFeature(w http.ResponseWriter, r *http.Request, state string) error {
	stored, noted, err := d.noted(r)
	if err != nil {
		return err
	}
	verb := map[string]string{registered: "/register/action", notRegistered: "/unregister/action"}[state]
	if err := d.Access.Check(r.Context(), featuresOf+verb, stored.ID); err != nil {
		return err
	}
	all, err := d.Store.Registrations(r.Context(), stored.Name)
	if err != nil {
		return err
	}
	if len(all) >= maxFeatures && noted.ChangedAt.IsZero() {
		return fairlead.Errorf(fairlead.Conflict, "The subscription has %d registrations, which is as many as there can be.", len(all))
	}
	noted.Registered, noted.ChangedAt = state == registered, d.Now()
	if err := d.Store.Register(r.Context(), noted); err != nil {
		return err
	}
	if err := d.record(r, featuresOf+verb, stored.Name); err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, showFeature(stored, noted))
	return nil
}
