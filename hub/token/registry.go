package token

import (
	"net/http"

	"github.com/fairlead/fairlead/hub/access"
)

// Identify returns r with the principal of its bearer token in its context, for handlers that answer those without one in
// their own words.
func (s *Service) Identify(r *http.Request) (*http.Request, error) {
	principal, err := s.identify(r)
	if err != nil {
		return nil, err
	}
	return r.WithContext(access.WithPrincipal(r.Context(), principal)), nil
}

// BasicToken returns an access token for the service principal whose id and secret are r's user name and password, as
// clients of registries send them.
func (s *Service) BasicToken(r *http.Request) (string, error) {
	principal, err := s.signIn(r, scopes{resource: s.URL, audience: s.URL})
	if err != nil {
		return "", err
	}
	return s.issue(r.Context(), bearer{principal: principal, client: principal.AppID, audience: s.URL})
}
