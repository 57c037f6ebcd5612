package token

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead/store"
)

// leeway is how far another machine's clock may be off.
const leeway = time.Minute

// tokenType is the header's "typ".
const tokenType = "JWT"

// maxToken bounds what is parsed as a token; ours have about 1 KB, and 11 KB with as many groups as fit.
const maxToken = 16 << 10

// claims is the payload of an access token.
type claims struct {
	Issuer    string          `json:"iss"`
	Audience  jwt.Audience    `json:"aud"`
	Subject   string          `json:"sub"`
	IssuedAt  jwt.NumericDate `json:"iat"`
	NotBefore jwt.NumericDate `json:"nbf"`
	Expiry    jwt.NumericDate `json:"exp"`
	ObjectID  string          `json:"oid"`
	TenantID  string          `json:"tid"`
	AppID     string          `json:"appid"`
	Kind      string          `json:"idtyp"`
	Version   string          `json:"ver"`
	UniqueID  string          `json:"uti"`

	// Of people only.
	Name     string `json:"name,omitempty"`
	UserName string `json:"preferred_username,omitempty"`
	UPN      string `json:"upn,omitempty"`
	Scope    string `json:"scp,omitempty"`

	// The key whose holder alone may use the token.
	Confirm *confirmation `json:"cnf,omitempty"`

	GroupClaims
}

// bearer is whom a token is made for: somebody, at a resource, asked for by an application.
type bearer struct {
	principal store.Principal
	client    string
	audience  string
	confirm   *confirmation
}

func (b bearer) claims() claims {
	found := claims{
		Audience: jwt.Audience{b.audience}, Subject: b.principal.ObjectID, ObjectID: b.principal.ObjectID,
		AppID: b.client, Kind: "app", Version: "2.0", UniqueID: rand.Text(), Confirm: b.confirm,
	}
	if b.principal.Kind == store.User {
		found.Kind, found.Scope = "user", "user_impersonation"
		found.Name, found.UserName, found.UPN = b.principal.DisplayName, b.principal.UserName, b.principal.UserName
	}
	return found
}

// issue makes an access token.
func (s *Service) issue(ctx context.Context, b bearer) (string, error) {
	now := s.Now()
	made := b.claims()
	var err error
	if made.GroupClaims, err = s.GroupsOf(ctx, b.principal); err != nil {
		return "", err
	}
	made.Issuer, made.TenantID = s.issuer(), s.TenantID
	made.IssuedAt, made.NotBefore, made.Expiry = date(now), date(now), date(now.Add(tokenLife))
	return s.sign(made)
}

// sign signs the claims of a token with the key of the day.
func (s *Service) sign(payload any) (string, error) { return s.signAs(tokenType, payload) }

func (s *Service) signAs(kind jose.ContentType, payload any) (string, error) {
	signing, err := s.Keys.current().signing(s.Now())
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: signing.JWK}, (&jose.SignerOptions{}).WithType(kind))
	if err != nil {
		return "", fmt.Errorf("prepare token: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(payload).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return text, nil
}

func date(t time.Time) jwt.NumericDate { return *jwt.NewNumericDate(t) }

// verify returns the claims of a token that this hub has issued, for itself, and that is good now.
func (s *Service) verify(text string) (claims, error) {
	found, _, err := s.signed(text)
	if err != nil {
		return claims{}, err
	}
	return found, s.accept(found)
}

// signed returns the claims of an access token that this hub has signed, for whomever and whenever, and the id of the key.
func (s *Service) signed(text string) (claims, string, error) {
	var found claims
	if len(text) > maxToken {
		return claims{}, "", invalidToken("it is too large")
	}
	keyID, err := s.open(tokenType, text, &found)
	if err != nil {
		return claims{}, "", err
	}
	return found, keyID, nil
}

// open reads what this hub has signed as a token of a kind, and returns the id of the key.
func (s *Service) open(kind, text string, into any) (string, error) {
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return "", invalidToken("it is not a token signed with " + string(algorithm))
	}
	header := parsed.Headers[0]
	key, ok := s.Keys.current().find(header.KeyID)
	if !ok {
		return "", invalidToken("its signing key is not this hub's")
	}
	if err := parsed.Claims(key, into); err != nil {
		return "", invalidToken("its signature does not match")
	}
	if said, _ := header.ExtraHeaders[jose.HeaderType].(string); said != kind {
		return "", invalidToken("it is a token of another kind")
	}
	return header.KeyID, nil
}

func (s *Service) accept(found claims) error {
	if found.Confirm != nil && found.Audience.Contains(s.URL) {
		return invalidToken("it is bound to a key, and this is no proof of that key")
	}
	return s.acceptFor(found, s.URL)
}

// acceptFor judges all but what a token may be bound to.
func (s *Service) acceptFor(found claims, audience string) error {
	now := s.Now()
	switch {
	case found.Issuer != s.issuer():
		return invalidToken("its issuer is not this hub")
	case !found.Audience.Contains(audience):
		return invalidToken("its audience is not this hub").WithCode("InvalidAuthenticationTokenAudience")
	case !strings.EqualFold(found.TenantID, s.TenantID):
		return invalidToken("its tenant is not this hub's").WithCode("InvalidAuthenticationTokenTenant")
	case !now.Before(found.Expiry.Time().Add(leeway)):
		return invalidToken("it expired at " + found.Expiry.Time().UTC().Format(time.RFC3339)).WithCode("ExpiredAuthenticationToken")
	case now.Before(found.NotBefore.Time().Add(-leeway)):
		return invalidToken("it is not valid before " + found.NotBefore.Time().UTC().Format(time.RFC3339))
	}
	return nil
}
