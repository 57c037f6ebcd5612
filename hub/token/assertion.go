package token

import (
	"context"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the thumbprint that older clients name a certificate by; what counts is the signature
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// Bounds an assertion; most of it is the chain of certificates, which nobody here looks at.
	maxAssertion = 24 << 10
	// Clients ask for ten minutes. What is used twice is refused for as long as it is good, so it must end.
	maxAssertionLife = 24 * time.Hour
)

// assertion is what a client says about itself, signed with its key.
type assertion struct {
	jwt.Claims

	headers jose.Header
	token   *jwt.JSONWebToken
}

func readAssertion(text string, algorithms ...jose.SignatureAlgorithm) (assertion, error) {
	var found assertion
	if len(text) > maxAssertion {
		return found, badAssertion(50027, "it is too large")
	}
	parsed, err := jwt.ParseSigned(text, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return found, badAssertion(50027, "it is not a JSON web token signed with RS256 or PS256")
	}
	if err := parsed.UnsafeClaimsWithoutVerification(&found.Claims); err != nil {
		return found, badAssertion(50027, "its claims cannot be read")
	}
	found.headers, found.token = parsed.Headers[0], parsed
	return found, nil
}

// assertedClient returns whose assertion it says to be: where to look for the key that decides.
func assertedClient(text string) string {
	found, err := readAssertion(text, jose.RS256, jose.PS256)
	if err != nil {
		return ""
	}
	return found.Subject
}

// checkAssertion accepts what is signed with a key of the principal, for this service, for now, and was not
// used before. Issuers that the principal trusts may speak for it.
func (s *Service) checkAssertion(r *http.Request, principal store.Principal, text string, wanted scopes) error {
	found, err := readAssertion(text, jose.RS256, jose.PS256)
	if err != nil {
		return err
	}
	if !strings.EqualFold(found.Issuer, principal.AppID) {
		return s.checkFederated(r, principal, found)
	}
	certificate, err := s.registered(r.Context(), principal, found.headers)
	if err != nil {
		return err
	}
	if err := found.token.Claims(certificate.PublicKey, &jwt.Claims{}); err != nil {
		return badAssertion(700027, "its signature is not that of the certificate")
	}
	if err := s.acceptAssertion(found, principal); err != nil {
		return err
	}
	return s.spend(r, principal, found, wanted)
}

// registered returns the certificate that the header names by its thumbprint. What else the header brings
// along, a chain or a key, counts for nothing.
func (s *Service) registered(ctx context.Context, principal store.Principal, header jose.Header) (*x509.Certificate, error) {
	short, _ := header.ExtraHeaders["x5t"].(string)
	long, _ := header.ExtraHeaders["x5t#S256"].(string)
	if short == "" && long == "" {
		return nil, badAssertion(700027, "its header names no certificate: x5t or x5t#S256 is missing")
	}
	held, err := s.Store.KeyCredentials(ctx, principal.ObjectID)
	if err != nil {
		return nil, err
	}
	for _, one := range held {
		if !names(one.Certificate, short, long) {
			continue
		}
		if now := s.Now(); now.After(one.NotAfter) || now.Before(one.NotBefore) {
			return nil, badAssertion(700027, "its certificate has expired or is not valid yet")
		}
		return parseCertificate(one)
	}
	return nil, badAssertion(700027, "its certificate is not registered with the application")
}

func names(certificate []byte, short, long string) bool {
	sha1sum, sha256sum := sha1.Sum(certificate), sha256.Sum256(certificate) //nolint:gosec // see the import
	return (short == "" || urlSafe(short) == base64.RawURLEncoding.EncodeToString(sha1sum[:])) &&
		(long == "" || urlSafe(long) == base64.RawURLEncoding.EncodeToString(sha256sum[:]))
}

// urlSafe makes base64 of any kind the one that the standard asks for: Microsoft's client for Go sends another.
func urlSafe(text string) string {
	return strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text)
}

func parseCertificate(held store.KeyCredential) (*x509.Certificate, error) {
	certificate, err := x509.ParseCertificate(held.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", held.ID, err)
	}
	if _, ok := certificate.PublicKey.(*rsa.PublicKey); !ok {
		return nil, badAssertion(700027, "its certificate has no RSA key")
	}
	return certificate, nil
}

func (s *Service) acceptAssertion(found assertion, principal store.Principal) error {
	now := s.Now()
	switch {
	case !strings.EqualFold(found.Subject, principal.AppID):
		return badAssertion(700021, "its subject is not the application")
	case !slices.ContainsFunc(found.Audience, s.isHere):
		return badAssertion(700023, "its audience is not this token service")
	case found.ID == "":
		return badAssertion(50027, "it has no jti")
	}
	return acceptTimes(found.Claims, now)
}

func acceptTimes(found jwt.Claims, now time.Time) error {
	switch {
	case found.Expiry == nil || !now.Before(found.Expiry.Time().Add(leeway)):
		return badAssertion(700024, "it has expired")
	case found.Expiry.Time().After(now.Add(maxAssertionLife + leeway)):
		return badAssertion(700024, "it is good for longer than a day")
	case found.NotBefore != nil && now.Before(found.NotBefore.Time().Add(-leeway)):
		return badAssertion(700024, "it is not valid yet")
	case found.IssuedAt != nil && now.Before(found.IssuedAt.Time().Add(-leeway)):
		return badAssertion(700024, "it was made in the future")
	}
	return nil
}

// isHere recognises the token endpoint and the issuer, by each of the URLs under which clients know them.
func (s *Service) isHere(audience string) bool {
	for _, base := range append([]string{s.URL}, s.Aliases...) {
		path, found := strings.CutPrefix(strings.ToLower(audience), strings.ToLower(strings.TrimSuffix(base, "/")))
		if found && slices.Contains(s.ownPaths(), strings.TrimSuffix(path, "/")) {
			return true
		}
	}
	return false
}

func (s *Service) ownPaths() []string {
	all := []string{"/adfs/oauth2/token", "/adfs", ""}
	for _, tenant := range []string{strings.ToLower(s.TenantID), "organizations", "common"} {
		all = append(all, "/"+tenant, "/"+tenant+"/v2.0", "/"+tenant+"/oauth2/token", "/"+tenant+"/oauth2/v2.0/token")
	}
	return all
}

// spend refuses an assertion that was used before. A client may use one for several resources, as some of
// Microsoft's do, but from one place.
func (s *Service) spend(r *http.Request, principal store.Principal, found assertion, wanted scopes) error {
	life, from := found.Expiry.Time().Sub(s.Now())+2*leeway, network(r)
	first := store.Ticket{Kind: kindAssertion, Key: digest(principal.AppID, found.ID), PrincipalID: principal.ObjectID}
	err := s.keep(r.Context(), first, life, from)
	if fairlead.KindOf(err) == fairlead.Conflict {
		var before string
		if _, good, err := s.find(r.Context(), kindAssertion, first.Key, &before); err != nil || good && before != from {
			return orElse(err, replayed())
		}
	} else if err != nil {
		return err
	}
	use := first
	use.Key = digest(principal.AppID, found.ID, wanted.resource)
	err = s.keep(r.Context(), use, life, from)
	if fairlead.KindOf(err) == fairlead.Conflict {
		return replayed()
	}
	return err
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func replayed() *refusal {
	return badAssertion(700025, "it was used before: each needs a jti of its own")
}

func badAssertion(number int, why string) *refusal {
	return &refusal{
		status: http.StatusUnauthorized, code: "invalid_client", number: number,
		text: "The client assertion is not accepted: " + why + ".",
	}
}
