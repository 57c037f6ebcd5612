package token

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead/hub/access"
)

// Issuer returns what the hub's tokens, and whatever else it signs with their keys, name as their issuer.
func (s *Service) Issuer() string { return s.issuer() }

// SignAs signs a payload with the key of the day, as a token of a kind of its own: the "typ" of its header. It is never
// taken for an access token, whatever the payload says.
func (s *Service) SignAs(kind string, payload any) (string, error) {
	if kind == "" || kind == tokenType {
		return "", errors.New("sign: what is no access token needs a kind of its own")
	}
	return s.signAs(jose.ContentType(kind), payload)
}

// ReadAs reads the payload of a token that SignAs has made of that kind. What it says of times and audiences is for the
// caller to judge.
func (s *Service) ReadAs(kind, text string, into any) error {
	if len(text) > maxToken {
		return invalidToken("it is too large")
	}
	known, err := s.remembered(kind, text, func() (remembered, error) {
		var payload json.RawMessage
		keyID, err := s.open(kind, text, &payload)
		return remembered{keyID: keyID, payload: payload}, err
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(known.payload, into); err != nil {
		return invalidToken("its payload is not what a token of that kind has")
	}
	return nil
}

// Principal returns the principal with that object id as the store knows it now, and Unauthenticated when it is gone or
// disabled.
func (s *Service) Principal(ctx context.Context, objectID string) (access.Principal, error) {
	return s.principal(ctx, claims{ObjectID: objectID})
}
