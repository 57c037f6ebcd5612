package token

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	grantClientCredentials = "client_credentials"
	// Bounds a token request; a certificate assertion would need about 4 KB.
	maxForm = 32 << 10
)

// granted is the answer that carries a token.
type granted struct {
	Type         string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
}

// grant answers a token request.
func (s *Service) grant(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	access, err := s.exchange(r)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		s.refuse(w, r, refused)
	case err != nil:
		reply.Writer{Log: s.Log}.Error(w, r, err)
	default:
		w.Header().Set("Cache-Control", "no-store")
		reply.JSON(w, http.StatusOK, granted{"Bearer", int(tokenLife / time.Second), int(tokenLife / time.Second), access})
	}
}

func (s *Service) exchange(r *http.Request) (string, error) {
	if err := r.ParseForm(); err != nil {
		return "", badRequest("invalid_request", 900144, "The request body must be a form of at most %d bytes.", maxForm)
	}
	if grant := r.PostForm.Get("grant_type"); grant != grantClientCredentials {
		return "", badRequest("unsupported_grant_type", 70003, "The app requested an unsupported grant type '%.64s'.", grant)
	}
	if err := s.checkScope(r.PostForm.Get("scope")); err != nil {
		return "", err
	}
	principal, err := s.signIn(r)
	if err != nil {
		return "", err
	}
	return s.issue(principal)
}

// checkScope accepts the hub itself, whose resources share one audience. Clients form the scope by
// appending to an audience that may end in a slash; a request without one means the only
// audience there is.
func (s *Service) checkScope(scope string) error {
	if scope == "" {
		return nil
	}
	audience, found := strings.CutSuffix(resourceScope(scope), "/.default")
	switch {
	case !found:
		return badRequest("invalid_scope", 1002012, "The provided value for scope '%.200s' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.", scope)
	case !s.isHub(strings.TrimRight(audience, "/")):
		return badRequest("invalid_resource", 500011, "The resource principal named '%.200s' was not found in the tenant. This hub's is '%s'.", audience, s.URL)
	}
	return nil
}

// isHub compares without case, as URLs of hosts have none.
func (s *Service) isHub(audience string) bool {
	return strings.EqualFold(audience, s.URL) || slices.ContainsFunc(s.Aliases, func(alias string) bool { return strings.EqualFold(audience, alias) })
}

// resourceScope leaves out what some clients ask for besides the resource and what means nothing for a
// client that signs in for itself: words of OpenID Connect.
func resourceScope(scope string) string {
	words := strings.Fields(scope)
	return strings.Join(slices.DeleteFunc(words, func(word string) bool {
		return slices.Contains([]string{"openid", "offline_access", "profile", "email"}, word)
	}), " ")
}

// signIn returns the service principal that the request's credential belongs to.
func (s *Service) signIn(r *http.Request) (store.Principal, error) {
	appID, secret, err := clientCredential(r)
	if err != nil {
		return store.Principal{}, err
	}
	attempt := attempt{appID: appID, address: clientAddress(r)}
	if wait := s.failures.wait(attempt, s.Now()); wait > 0 {
		return store.Principal{}, tooManyFailures(wait)
	}
	principal, err := s.checkSecret(r.Context(), appID, secret)
	if _, refused := errors.AsType[*refusal](err); refused {
		s.failures.count(attempt, s.Now())
	}
	return principal, err
}

// clientCredential takes the credential from the form or, as OAuth has it, from the header.
func clientCredential(r *http.Request) (string, Secret, error) {
	appID, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		appID, secret = unescape(user), unescape(password)
	}
	switch {
	case appID == "":
		return "", "", badRequest("invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
	case secret == "" && r.PostForm.Has("client_assertion"):
		return "", "", badRequest("invalid_request", 700027, "Certificates are not accepted by this hub. Use a client secret.")
	case secret == "":
		return "", "", badRequest("invalid_request", 7000218, "The request body must contain the following parameter: 'client_secret'.")
	}
	return strings.ToLower(appID), Secret(secret), nil
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func (s *Service) checkSecret(ctx context.Context, appID string, secret Secret) (store.Principal, error) {
	principal, err := s.Store.PrincipalByAppID(ctx, appID)
	if fairlead.KindOf(err) == fairlead.NotFound || err == nil && principal.Kind != store.ServicePrincipal {
		return store.Principal{}, unknownApplication(appID, s.TenantID)
	}
	if err != nil {
		return store.Principal{}, err
	}
	credentials, err := s.Store.Credentials(ctx, principal.ObjectID)
	if err != nil {
		return store.Principal{}, err
	}
	switch right, expired := secret.matches(credentials, s.Now()); {
	case right:
		return principal, nil
	case expired:
		return store.Principal{}, expiredSecret(appID)
	}
	return store.Principal{}, wrongSecret(appID)
}
