package graph

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// maxFederated is Graph's own limit.
const maxFederated = 20

// federated lets a service principal sign in with tokens of another issuer, as Graph shows it.
type federated struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

func shownFederated(held store.FederatedCredential) federated {
	return federated{ID: held.ID, Name: held.Name, Issuer: held.Issuer, Subject: held.Subject, Audiences: []string{held.Audience}}
}

func (a *API) listFederated(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	held, err := a.Store.FederatedCredentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	found := []federated{}
	for _, one := range held {
		found = append(found, shownFederated(one))
	}
	return http.StatusOK, map[string]any{"value": found}, nil
}

func (a *API) addFederated(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), assignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	var wanted federated
	if err := reply.Decode(w, r, maxBody, &wanted); err != nil {
		return 0, nil, err
	}
	if err := checkFederated(wanted); err != nil {
		return 0, nil, err
	}
	held, err := a.Store.FederatedCredentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	if len(held) >= maxFederated {
		return 0, nil, invalid("a service principal has at most %d federated identity credentials: remove one first", maxFederated)
	}
	made := store.FederatedCredential{
		ID: uuid.NewString(), PrincipalID: stored.ObjectID, Name: wanted.Name, Issuer: wanted.Issuer,
		Subject: wanted.Subject, Audience: wanted.Audiences[0], CreatedAt: a.Now(),
	}
	if slices.ContainsFunc(held, func(one store.FederatedCredential) bool {
		return strings.EqualFold(one.Name, made.Name) || one.Issuer == made.Issuer && one.Subject == made.Subject
	}) {
		return 0, nil, fairlead.Errorf(fairlead.Conflict, "the service principal has a federated identity credential of that name, or of that issuer and subject").WithCode("Request_MultipleObjectsWithSameKeyValue")
	}
	if err := a.Store.AddFederatedCredential(r.Context(), made); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "federated identity credential added", slog.String("object_id", stored.ObjectID), slog.String("issuer", made.Issuer))
	return http.StatusCreated, shownFederated(made), nil
}

func checkFederated(wanted federated) error {
	issuer, err := url.Parse(wanted.Issuer)
	switch {
	case err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" || len(wanted.Issuer) > 600:
		return invalid("the issuer must be an https URL of at most 600 characters")
	case wanted.Subject == "" || len(wanted.Subject) > 600:
		return invalid("a subject of at most 600 characters is needed")
	case wanted.Name == "" || len(wanted.Name) > maxDisplayName:
		return invalid("a name of at most %d characters is needed", maxDisplayName)
	case len(wanted.Audiences) != 1 || wanted.Audiences[0] == "" || len(wanted.Audiences[0]) > 600:
		return invalid("exactly one audience is needed, such as api://AzureADTokenExchange")
	}
	return nil
}

func (a *API) removeFederated(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), unassignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	held, err := a.Store.FederatedCredentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	wanted := r.PathValue("credential")
	at := slices.IndexFunc(held, func(one store.FederatedCredential) bool {
		return one.ID == wanted || strings.EqualFold(one.Name, wanted)
	})
	if at < 0 {
		return 0, nil, fairlead.Errorf(fairlead.NotFound, "service principal '%s' has no federated identity credential '%.64s'", stored.ObjectID, wanted).WithCode("Request_ResourceNotFound")
	}
	return http.StatusNoContent, nil, a.Store.DeleteFederatedCredential(r.Context(), held[at].ID)
}
