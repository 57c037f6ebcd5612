package token

import (
	"context"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
)

// Authenticate lets requests with a good bearer token through to next, with the principal, as the
// store knows it now, in their context. All others are answered with 401.
func (s *Service) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, err := s.identify(r)
		if err != nil {
			s.challenge(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(access.WithPrincipal(r.Context(), principal)))
	})
}

func (s *Service) identify(r *http.Request) (access.Principal, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return access.Principal{}, fairlead.Errorf(fairlead.Unauthenticated,
			"Authentication failed. The 'Authorization' header is missing or has no bearer token.")
	}
	found, err := s.verify(strings.TrimSpace(text))
	if err != nil {
		return access.Principal{}, err
	}
	return s.principal(r.Context(), found)
}

func (s *Service) principal(ctx context.Context, found claims) (access.Principal, error) {
	stored, err := s.Store.GetPrincipal(ctx, found.ObjectID)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return access.Principal{}, invalidToken("its principal does not exist any more")
	}
	if err != nil {
		return access.Principal{}, err
	}
	if stored.Disabled {
		return access.Principal{}, invalidToken("its principal is disabled")
	}
	return access.Principal{
		ObjectID: stored.ObjectID, AppID: stored.AppID, TenantID: stored.TenantID, DisplayName: stored.DisplayName, UserName: stored.UserName,
	}, nil
}

// challenge tells a client that has no good token where to get one.
func (s *Service) challenge(w http.ResponseWriter, r *http.Request, err error) {
	if fairlead.KindOf(err) == fairlead.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+s.URL+"/"+s.TenantID+
			`", error="invalid_token", error_description="`+fairlead.CodeOf(err)+`"`)
	}
	reply.Writer{Log: s.Log}.Error(w, r, err)
}

func invalidToken(why string) *fairlead.Error {
	return fairlead.Errorf(fairlead.Unauthenticated, "The access token is not accepted: %s.", why).WithCode("InvalidAuthenticationToken")
}
