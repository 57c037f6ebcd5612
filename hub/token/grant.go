package token

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	grantClientCredentials = "client_credentials"
	grantPassword          = "password"
	grantRefresh           = "refresh_token"
	grantCode              = "authorization_code"
	grantDevice            = "urn:ietf:params:oauth:grant-type:device_code"
	// Some clients of this flow use its older name.
	grantDeviceOld = "device_code"
	// Bounds a token request; a certificate assertion with its chain has about 10 KB.
	maxForm = 32 << 10
)

// granted is the answer that carries tokens; a service principal gets an access token only.
type granted struct {
	Type         string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

// grants are what the token endpoint knows, by the name that a request gives.
func (s *Service) grants() map[string]func(*http.Request) (granted, error) {
	return map[string]func(*http.Request) (granted, error){
		grantClientCredentials: s.grantApp,
		grantPassword:          s.grantPassword,
		grantRefresh:           s.grantRefresh,
		grantCode:              s.grantCode,
		grantDevice:            s.grantDevice,
		grantDeviceOld:         s.grantDevice,
	}
}

// grant answers a token request.
func (s *Service) grant(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	answer, err := s.exchange(r)
	if err != nil {
		s.refuseOrFail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	reply.JSON(w, http.StatusOK, answer)
}

func (s *Service) refuseOrFail(w http.ResponseWriter, r *http.Request, err error) {
	if refused, ok := errors.AsType[*refusal](err); ok {
		s.refuse(w, r, refused)
		return
	}
	reply.Writer{Log: s.Log}.Error(w, r, err)
}

func (s *Service) exchange(r *http.Request) (granted, error) {
	if err := r.ParseForm(); err != nil {
		return granted{}, badRequest("invalid_request", 900144, "The request body must be a form of at most %d bytes.", maxForm)
	}
	r.Form = r.PostForm // what is in the address is in logs as well, and does not count
	name := r.PostForm.Get("grant_type")
	grant, known := s.grants()[name]
	if !known {
		return granted{}, badRequest("unsupported_grant_type", 70003, "The app requested an unsupported grant type '%.64s'.", name)
	}
	return grant(r)
}

// grantApp gives a service principal a token for its secret or the proof of its key.
func (s *Service) grantApp(r *http.Request) (granted, error) {
	wanted, err := s.readAppScope(r.PostForm.Get("scope"))
	if err != nil {
		return granted{}, err
	}
	principal, err := s.signIn(r, wanted)
	if err != nil {
		return granted{}, err
	}
	return s.accessTo(r, bearer{principal: principal, client: principal.AppID, audience: wanted.audience})
}

// accessTo makes an access token, bound to a key if the request says so.
func (s *Service) accessTo(r *http.Request, b bearer) (granted, error) {
	var err error
	if b.confirm, err = readConfirmation(r.PostForm); err != nil {
		return granted{}, err
	}
	kind := "Bearer"
	if b.confirm != nil {
		kind = "pop"
	} else if b.audience == proofAudience {
		return granted{}, badRequest("invalid_request", 500011, "Tokens for '%s' are of type pop only: token_type and req_cnf are missing.", proofAudience)
	}
	life := int(tokenLife / time.Second)
	access, err := s.issue(r.Context(), b)
	return granted{Type: kind, ExpiresIn: life, ExtExpiresIn: life, AccessToken: access}, err
}

// signIn returns the service principal that the request's credential belongs to.
func (s *Service) signIn(r *http.Request, wanted scopes) (store.Principal, error) {
	presented, err := readCredential(r)
	if err != nil {
		return store.Principal{}, err
	}
	attempt := attempt{appID: presented.appID, address: network(r)}
	if wait := s.failures.wait(attempt, s.Now()); wait > 0 {
		return store.Principal{}, tooManyFailures(wait)
	}
	principal, err := s.checkCredential(r, presented, wanted)
	if _, refused := errors.AsType[*refusal](err); refused {
		s.failures.count(attempt, s.Now())
	}
	return principal, err
}

// presented is how a service principal proves who it is: by a secret or by an assertion.
type presented struct {
	appID     string
	secret    Secret
	assertion string
}

// readCredential takes the credential from the form or, as OAuth has it, from the header.
func readCredential(r *http.Request) (presented, error) {
	form := r.PostForm
	found := presented{appID: form.Get("client_id"), secret: Secret(form.Get("client_secret")), assertion: form.Get("client_assertion")}
	if user, password, ok := r.BasicAuth(); ok {
		found.appID, found.secret = unescape(user), Secret(unescape(password))
	}
	switch kind := form.Get("client_assertion_type"); {
	case found.assertion != "" && kind != assertionType:
		return found, badRequest("invalid_request", 90023, "The client_assertion_type '%.100s' is not supported: use '%s'.", kind, assertionType)
	case found.assertion != "" && found.secret != "":
		return found, badRequest("invalid_request", 90023, "A request has either a client_secret or a client_assertion.")
	case found.appID == "" && found.assertion != "":
		found.appID = assertedClient(found.assertion)
	}
	switch {
	case found.appID == "":
		return found, badRequest("invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
	case found.secret == "" && found.assertion == "":
		return found, badRequest("invalid_request", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	found.appID = strings.ToLower(found.appID)
	return found, nil
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func (s *Service) checkCredential(r *http.Request, presented presented, wanted scopes) (store.Principal, error) {
	principal, err := s.application(r.Context(), presented.appID)
	if err != nil {
		return store.Principal{}, err
	}
	if presented.assertion != "" {
		return principal, naming(principal.AppID, s.checkAssertion(r, principal, presented.assertion, wanted))
	}
	return principal, s.checkSecret(r.Context(), principal, presented.secret)
}

func (s *Service) application(ctx context.Context, appID string) (store.Principal, error) {
	principal, err := s.Store.PrincipalByAppID(ctx, appID)
	switch {
	case fairlead.KindOf(err) == fairlead.NotFound || err == nil && principal.Kind != store.ServicePrincipal:
		return store.Principal{}, unknownApplication(appID, s.TenantID)
	case err == nil && principal.Disabled:
		return store.Principal{}, badRequest("unauthorized_client", 7000112, "Application '%.64s' is disabled.", appID)
	}
	return principal, err
}

func (s *Service) checkSecret(ctx context.Context, principal store.Principal, secret Secret) error {
	credentials, err := s.Store.Credentials(ctx, principal.ObjectID)
	if err != nil {
		return err
	}
	switch right, expired := secret.matches(credentials, s.Now()); {
	case right:
		return nil
	case expired:
		return expiredSecret(principal.AppID)
	}
	return wrongSecret(principal.AppID)
}
