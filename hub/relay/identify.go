package relay

import (
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

const (
	// The relayHeader is where Azure's clients put the token for the relay.
	relayHeader = "ServiceBusAuthorization"
	// The relayType is the "typ" of that token.
	relayType = "fairlead-relay+jwt"
	// The relayLife is how long it is good for. It is judged with each request, and nothing in it outlives a role.
	relayLife = time.Hour
	// The leeway is how far clocks may be apart.
	leeway = time.Minute
)

// who is a caller, and with whose rights they come.
type who struct {
	access.Principal

	mode caller.Mode
}

// relayToken lets its holder reach one cluster.
type relayToken struct {
	Issuer   string      `json:"iss"`
	Audience string      `json:"aud"` // the key of the cluster
	Subject  string      `json:"sub"` // the principal's object id
	Mode     caller.Mode `json:"mode"`
	IssuedAt int64       `json:"iat"`
	Expiry   int64       `json:"exp"`
}

// identify finds out who calls: by a relay token, by a bearer token or by a signed request.
func (s *Server) identify(r *http.Request, at store.Revisions, cluster place) (who, error) {
	tokens := r.Header.Values(relayHeader)
	switch len(tokens) {
	case 0:
		id, err := s.Tokens.Caller(r, cluster.text)
		if err != nil {
			return who{}, err
		}
		principal, err := s.principal(r.Context(), at, id)
		return who{principal, caller.AAD}, err
	case 1:
		return s.byRelayToken(r, at, tokens[0], cluster)
	}
	return who{}, fairlead.Errorf(fairlead.Unauthenticated, "there are two %s headers", relayHeader)
}

func (s *Server) byRelayToken(r *http.Request, at store.Revisions, text string, cluster place) (who, error) {
	found, err := s.readRelayToken(text, cluster)
	if err != nil {
		return who{}, err
	}
	principal, err := s.principal(r.Context(), at, found.Subject)
	if err != nil {
		return who{}, err
	}
	authorization := len(r.Header.Values("Authorization"))
	switch {
	case found.Mode == caller.Token && authorization != 1:
		return who{}, fairlead.Errorf(fairlead.Unauthenticated, "in mode Token the cluster's own token is needed, in one Authorization header")
	case found.Mode == caller.Token || authorization == 0:
		return who{principal, found.Mode}, nil
	}
	said, err := s.Tokens.Caller(r, cluster.text)
	if err == nil && said != principal.ObjectID {
		err = fairlead.Errorf(fairlead.Unauthenticated, "the %s and Authorization headers are of two callers", relayHeader)
	}
	return who{principal, found.Mode}, err
}

func (s *Server) readRelayToken(text string, cluster place) (relayToken, error) {
	var found relayToken
	if err := s.Tokens.ReadAs(relayType, strings.TrimSpace(text), &found); err != nil {
		return found, err
	}
	now := s.Now()
	switch {
	case found.Issuer != s.Tokens.Issuer():
		return found, badRelayToken("it is of another hub")
	case found.Audience != cluster.key:
		return found, badRelayToken("it is for another cluster")
	case found.Mode != caller.AAD && found.Mode != caller.Token || found.Subject == "":
		return found, badRelayToken("it names no caller")
	case !now.Before(time.Unix(found.Expiry, 0)):
		return found, badRelayToken("it has expired: ask listClusterUserCredential for the next one")
	case now.Add(leeway).Before(time.Unix(found.IssuedAt, 0)):
		return found, badRelayToken("it is from the future")
	}
	return found, nil
}

func badRelayToken(why string) error {
	return fairlead.Errorf(fairlead.Unauthenticated, "the token in %s is not accepted: %s", relayHeader, why).WithCode("InvalidAuthenticationToken")
}

// relayTokenFor makes the token that lets a principal reach a cluster.
func (s *Server) relayTokenFor(principal access.Principal, cluster fairlead.ResourceID, mode caller.Mode) (text string, expiry int64, err error) {
	now := s.Now()
	made := relayToken{
		Issuer: s.Tokens.Issuer(), Audience: cluster.Key(), Subject: principal.ObjectID, Mode: mode, IssuedAt: now.Unix(), Expiry: now.Add(relayLife).Unix(),
	}
	text, err = s.Tokens.SignAs(relayType, made)
	return text, made.Expiry, err
}
