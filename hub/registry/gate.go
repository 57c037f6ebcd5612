package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/origin"
)

// What those who push, list and delete must be allowed, on "/". The actions are those of Azure's registries.
const (
	pushAction   = "Microsoft.ContainerRegistry/registries/push/write"
	listAction   = "Microsoft.ContainerRegistry/registries/pull/read"
	deleteAction = "Microsoft.ContainerRegistry/registries/artifacts/delete"
)

// anonymous is the token of those who have none: enough to pull.
const anonymous = "anonymous"

// tokenUser is the user name of those who give an access token in place of a password, as Azure's registries have it.
const tokenUser = "00000000-0000-0000-0000-000000000000"

// Identity knows principals; *token.Service does.
type Identity interface {
	// Identify returns the request with the principal of its bearer token in its context.
	Identify(r *http.Request) (*http.Request, error)
	// BasicToken returns an access token for the credential in the request's Authorization header.
	BasicToken(r *http.Request) (string, error)
}

// Access decides what a principal may do; *access.Checker does.
type Access interface {
	Check(ctx context.Context, action, scope string) error
}

// ping answers the first question of docker and others. They sign in for a push only if they are told here that one can;
// those who have no credential are given a token all the same, and those who do not ask can pull without one.
func (s *Server) ping(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.Identity == nil || strings.EqualFold(scheme, "Bearer") && token == anonymous {
		writeJSON(w, http.StatusOK, struct{}{})
		return
	}
	if _, err := s.identify(r); err != nil {
		s.challenge(w, r, "UNAUTHORIZED", "sign in to push; to pull, go on without")
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) challenge(w http.ResponseWriter, r *http.Request, code, message string) {
	at := origin.URL(r.Context(), s.URL)
	w.Header().Set("WWW-Authenticate", `Bearer realm="`+at+`/v2/token",service="`+strings.TrimPrefix(at, "https://")+`"`)
	refuse(w, http.StatusUnauthorized, code, message)
}

// tokenAnswer has the token under both names in use.
type tokenAnswer struct {
	Token       string `json:"token"`
	AccessToken string `json:"access_token"` //nolint:tagliatelle // the protocol's name
	ExpiresIn   int    `json:"expires_in"`   //nolint:tagliatelle // the protocol's name
}

// token changes a credential into a token, by the protocol of docker's registries.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || s.Identity == nil {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "ask for tokens by GET")
		return
	}
	made := anonymous
	if user, password, ok := r.BasicAuth(); ok {
		made = password
		if user != tokenUser {
			signedIn, err := s.Identity.BasicToken(r)
			if err != nil {
				refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "sign-in failed: "+err.Error())
				return
			}
			made = signedIn
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, tokenAnswer{made, made, 3000})
}

// identify takes bearer tokens, and credentials from those who do not ask for a token first.
func (s *Server) identify(r *http.Request) (*http.Request, error) {
	if user, password, ok := r.BasicAuth(); ok {
		token := password
		if user != tokenUser {
			made, err := s.Identity.BasicToken(r)
			if err != nil {
				return nil, err
			}
			token = made
		}
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.Identity.Identify(r)
}

// allow returns the request with its principal if it may do action, and answers it otherwise.
func (s *Server) allow(w http.ResponseWriter, r *http.Request, action string) (*http.Request, bool) {
	if s.Identity == nil || s.Mirror == nil {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is read-only")
		return nil, false
	}
	known, err := s.identify(r)
	if err == nil {
		err = s.Access.Check(known.Context(), action, "/")
	}
	switch {
	case err == nil:
		return known, true
	case fairlead.KindOf(err) == fairlead.Forbidden:
		refuse(w, http.StatusForbidden, "DENIED", reason(err)+" Role Contributor allows it.")
	default:
		s.challenge(w, r, "UNAUTHORIZED", reason(err))
	}
	return nil, false
}

// reason tells a client why, as far as it is a client's business.
func reason(err error) string {
	if known, ok := errors.AsType[*fairlead.Error](err); ok {
		return known.Message
	}
	return "sign in first"
}
