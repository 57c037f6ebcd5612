package graph

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// applicationRoutes: an application and its service principal are one object here, with one object id. Clients that make
// the one and then the other find the second there already.
func (a *API) applicationRoutes(all string) []route {
	one := all + "/{id}"
	return []route{
		{"GET " + all, readAction, a.applications, false},
		{"POST " + all, writeAction, a.createApplication, false},
		{"GET " + one, readAction, a.application, false},
		{"PATCH " + one, writeAction, a.updateService, false},
		{"DELETE " + one, deleteAction, a.remove, false},
		{"GET " + one + "/owners", readAction, noOwners, false},
		{"POST " + one + "/addpassword", writeAction, a.addPassword, false},
		{"POST " + one + "/removepassword", writeAction, a.removePassword, false},
		{"POST " + one + "/addkey", writeAction, a.addKey, false},
		{"POST " + one + "/removekey", writeAction, a.removeKey, false},
		{"GET " + one + "/federatedidentitycredentials", readAction, a.listFederated, false},
		{"POST " + one + "/federatedidentitycredentials", writeAction, a.addFederated, false},
		{"DELETE " + one + "/federatedidentitycredentials/{credential}", writeAction, a.removeFederated, false},
	}
}

// asApplication shows a service principal as the application that it belongs to.
func asApplication(p store.Principal, secrets ...credential) object {
	if secrets == nil {
		secrets = []credential{}
	}
	one := shown(p)
	return object{
		"@odata.type": "#microsoft.graph.application", "id": p.ObjectID, "appId": p.AppID, "displayName": p.DisplayName,
		"createdDateTime": one["createdDateTime"], "signInAudience": "AzureADMyOrg", "identifierUris": []string{},
		"passwordCredentials": secrets, "keyCredentials": []object{}, "appRoles": []object{}, "requiredResourceAccess": []object{},
	}
}

func (a *API) applications(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	o, err := readOptions(r, store.ServicePrincipal)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.Store.FindPrincipals(r.Context(), o.query)
	if err != nil {
		return 0, nil, err
	}
	o.show = func(p store.Principal) object { return asApplication(p) }
	return http.StatusOK, o.paged(r, found), nil
}

func (a *API) application(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.find(r, store.ServicePrincipal)
	if err != nil {
		return 0, nil, err
	}
	secrets, err := a.secrets(r.Context(), stored)
	return http.StatusOK, asApplication(stored, secrets...).only(readSelect(r.URL.Query())), err
}

func (a *API) createApplication(w http.ResponseWriter, r *http.Request) (int, any, error) {
	made, err := a.createService(w, r)
	return http.StatusCreated, asApplication(made), err
}

// sentService is a service principal or application as a request has it. What clients send beside that only
// describes sign-in pages, which there are none of here; certificates are not left aside in silence.
type sentService struct {
	AppID        string            `json:"appId"`
	DisplayName  *string           `json:"displayName"`
	Enabled      *bool             `json:"accountEnabled"`
	Keys         []json.RawMessage `json:"keyCredentials"`
	PasswordList []json.RawMessage `json:"passwordCredentials"`
}

func (s sentService) check() error {
	if len(s.Keys) > 0 || len(s.PasswordList) > 0 {
		return invalid("keyCredentials and passwordCredentials cannot be set here: use addPassword")
	}
	return nil
}

// updateService changes name and state of a service principal. To disable one takes its roles away, to enable it
// gives them back.
func (a *API) updateService(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	var sent sentService
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	if err := sent.check(); err != nil {
		return 0, nil, err
	}
	if sent.Enabled != nil {
		if err := a.mayOnEveryRole(r.Context(), assignAction, stored.ObjectID); err != nil {
			return 0, nil, err
		}
	}
	if sent.Enabled != nil && !*sent.Enabled {
		if err := a.keepOwner(r.Context(), stored.ObjectID); err != nil {
			return 0, nil, err
		}
	}
	_, err = a.Store.ChangePrincipal(r.Context(), stored.ObjectID, func(p *store.Principal) error {
		if sent.DisplayName != nil {
			p.DisplayName = strings.TrimSpace(*sent.DisplayName)
		}
		if sent.Enabled != nil {
			p.Disabled = !*sent.Enabled
		}
		return checkDisplayName(p.DisplayName)
	}, nil, a.Now())
	return http.StatusNoContent, nil, err
}

// newService reads what a new service principal is to be called.
func (a *API) newService(sent sentService) (store.Principal, error) {
	if err := sent.check(); err != nil {
		return store.Principal{}, err
	}
	name := ""
	if sent.DisplayName != nil {
		name = strings.TrimSpace(*sent.DisplayName)
	}
	return store.Principal{
		ObjectID: uuid.NewString(), AppID: uuid.NewString(), TenantID: a.TenantID,
		Kind: store.ServicePrincipal, DisplayName: name, CreatedAt: a.Now(),
	}, checkDisplayName(name)
}
