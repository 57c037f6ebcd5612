package token

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
)

// The schemes of Authorization headers.
const (
	bearerScheme = "Bearer"
	popScheme    = "PoP"
)

// Caller returns the object id of who makes a request, by its Authorization header: a bearer token for the hub, or an HTTP request signed
// as MSAL signs them (scheme PoP), whose token is for connected clusters and bound to the key of the signature. Names are
// what the signature may name as its destination besides the host. Whether there is such a principal still is Principal's to say.
//
// Signatures that were found good are remembered, as the same header comes with each request; all else is judged anew.
func (s *Service) Caller(r *http.Request, names ...string) (objectID string, err error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return "", invalidToken("there are two Authorization headers")
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	text = strings.TrimSpace(text)
	var found claims
	switch {
	case text == "":
		err = noToken()
	case strings.EqualFold(scheme, bearerScheme):
		found, err = s.bearer(text)
	case strings.EqualFold(scheme, popScheme):
		found, err = s.proven(r, text, names)
	default:
		err = noToken()
	}
	return found.ObjectID, err
}

func noToken() error {
	return fairlead.Errorf(fairlead.Unauthenticated, "Authentication failed. The 'Authorization' header is missing or has neither a bearer token nor a signed request (PoP).")
}

func (s *Service) bearer(text string) (claims, error) {
	known, err := s.remembered(bearerScheme, text, func() (remembered, error) {
		found, keyID, err := s.signed(text)
		return remembered{claims: found, keyID: keyID}, err
	})
	if err != nil {
		return claims{}, err
	}
	return known.claims, s.accept(known.claims)
}

// remembered returns what was found out of a text under a scheme before, if the key that signed it is still the hub's, and finds it out
// otherwise.
func (s *Service) remembered(scheme, text string, find func() (remembered, error)) (remembered, error) {
	sum := sha256.Sum256([]byte(scheme + " " + text))
	if known, ok := s.seen.recall(sum); ok {
		if _, ours := s.Keys.current().find(known.keyID); ours {
			return known, nil
		}
	}
	found, err := find()
	if err != nil {
		return remembered{}, err
	}
	found.claims.GroupClaims = GroupClaims{} // they are large, and asked of the store
	s.seen.keep(sum, found)
	return found, nil
}
