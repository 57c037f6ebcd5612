package token

import (
	"errors"
	"slices"
	"strings"
)

// The scopes that are no resource.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopeOffline = "offline_access"
)

// proofAudience is Azure's application for reaching connected clusters, whose tokens are bound to a key
// and are meant for clusters, not for the hub.
const proofAudience = "6256c85f-0aad-4d50-b960-e6e9b21efe35"

// The bounds of what is read as a scope.
const (
	maxScope  = 2048
	maxScopes = 16
)

// scopes is what a request asks for.
type scopes struct {
	resource string // as it was named, in lower case
	audience string // whom the token is for
	others   []string
	named    bool // a resource was named
}

func (s scopes) has(name string) bool { return slices.Contains(s.others, name) }

// text names the scopes as a token answer does.
func (s scopes) text(asked string) string {
	if asked == "" {
		return s.resource + "/.default"
	}
	return strings.Join(strings.Fields(asked), " ")
}

// readScopes accepts the hub, under each of its URLs. Clients form the scope by appending to an audience
// that may end in a slash; without one the hub is meant.
func (s *Service) readScopes(text string) (scopes, error) {
	found := scopes{}
	words := strings.Fields(text)
	if len(text) > maxScope || len(words) > maxScopes {
		return found, badRequest("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid: it is too long.")
	}
	for _, word := range words {
		if slices.Contains([]string{scopeOpenID, scopeProfile, scopeEmail, scopeOffline}, strings.ToLower(word)) {
			found.others = append(found.others, strings.ToLower(word))
			continue
		}
		resource, audience, err := s.resource(word)
		if err != nil {
			return found, err
		}
		if found.resource != "" && found.resource != resource {
			return found, badRequest("invalid_scope", 28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope '%.200s' is not valid.", text)
		}
		found.resource, found.audience, found.named = resource, audience, true
	}
	if found.resource == "" {
		found.resource, found.audience = strings.ToLower(s.URL), s.URL
	}
	return found, nil
}

// resource returns the resource that a scope names, and whom tokens for it are meant for.
func (s *Service) resource(scope string) (resource, audience string, err error) {
	name, found := strings.CutSuffix(scope, "/.default")
	if !found {
		name, found = strings.CutSuffix(scope, "/user_impersonation")
	}
	if !found {
		return "", "", badRequest("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid. The scope '%.200s' does not exist: use a resource identifier with /.default.", scope)
	}
	resource = strings.ToLower(strings.TrimRight(name, "/"))
	switch {
	case s.isHub(resource):
		return resource, s.URL, nil
	case resource == proofAudience:
		return resource, proofAudience, nil
	}
	return "", "", badRequest("invalid_resource", 500011, "The resource principal named '%.200s' was not found in the tenant. This hub's is '%s'.", name, s.URL)
}

// isHub compares without case, as URLs of hosts have none.
func (s *Service) isHub(name string) bool {
	return slices.ContainsFunc(append([]string{s.URL}, s.Aliases...), func(known string) bool {
		return strings.EqualFold(name, strings.TrimRight(known, "/"))
	})
}

// readAppScope is readScopes for service principals, who ask for a resource. Some clients add words of OpenID
// Connect, which mean nothing here.
func (s *Service) readAppScope(text string) (scopes, error) {
	found, err := s.readScopes(text)
	refused, ok := errors.AsType[*refusal](err)
	if ok && refused.number == 70011 || err == nil && text != "" && !found.named {
		err = badRequest("invalid_scope", 1002012, "The provided value for scope '%.200s' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.", text)
	}
	return found, err
}
