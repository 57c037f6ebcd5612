package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead/store"
)

const (
	issuerTimeout = 10 * time.Second
	maxDocument   = 256 << 10
	// How long keys are used before they are fetched again, and how soon an unknown key may ask for that.
	keysLife  = time.Hour
	keysAgain = time.Minute
	// Bounds how many issuers are remembered.
	maxIssuers = 1000
)

// Issuers fetches the keys of issuers that service principals trust (federated credentials). Only those that the
// hub's administrator has allowed are ever asked: whoever may write in the directory must not be able to send the
// hub to an address. It asks over https, without redirects, within bounds of time and size.
type Issuers struct {
	Allowed []string
	HTTP    *http.Client
	Now     func() time.Time

	mutex sync.Mutex
	known map[string]issuerKeys
}

type issuerKeys struct {
	set     jose.JSONWebKeySet
	fetched time.Time
}

// NewIssuers returns issuers that are asked through transport, if they are allowed.
func NewIssuers(allowed []string, transport http.RoundTripper, now func() time.Time) *Issuers {
	return &Issuers{Allowed: allowed, Now: now, HTTP: &http.Client{
		Transport: transport, Timeout: issuerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// key returns an issuer's key of that id.
func (i *Issuers) key(ctx context.Context, issuer, id string) (jose.JSONWebKey, error) {
	if !slices.Contains(i.Allowed, issuer) {
		return jose.JSONWebKey{}, fmt.Errorf("%s is none of the issuers that the hub may ask (--workload-issuer)", issuer)
	}
	i.mutex.Lock()
	held, known := i.known[issuer]
	i.mutex.Unlock()
	found := held.set.Key(id)
	age := i.Now().Sub(held.fetched)
	if known && (len(found) > 0 && age < keysLife || age < keysAgain) {
		return only(found)
	}
	set, err := i.fetch(ctx, issuer)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	i.mutex.Lock()
	if i.known == nil || len(i.known) >= maxIssuers {
		i.known = map[string]issuerKeys{}
	}
	i.known[issuer] = issuerKeys{set, i.Now()}
	i.mutex.Unlock()
	return only(set.Key(id))
}

func only(found []jose.JSONWebKey) (jose.JSONWebKey, error) {
	if len(found) != 1 || !found[0].IsPublic() {
		return jose.JSONWebKey{}, errors.New("its issuer has no such key")
	}
	return found[0], nil
}

func (i *Issuers) fetch(ctx context.Context, issuer string) (jose.JSONWebKeySet, error) {
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	var set jose.JSONWebKeySet
	if err := i.get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return set, err
	}
	if document.Issuer != issuer {
		return set, fmt.Errorf("the discovery document of %s is of another issuer", issuer)
	}
	return set, i.get(ctx, document.Keys, &set)
}

func (i *Issuers) get(ctx context.Context, address string, into any) error {
	if !validIssuer(address) {
		return fmt.Errorf("%.200q is no https URL", address)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("prepare question to issuer: %w", err)
	}
	response, err := i.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("ask issuer: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask issuer: %s answers %d", address, response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(into); err != nil {
		return fmt.Errorf("read issuer's answer: %w", err)
	}
	return nil
}

// checkFederated accepts an assertion of an issuer, about a subject, that the principal trusts. It may be used more
// than once: issuers give the same one to a workload for as long as it is good.
func (s *Service) checkFederated(r *http.Request, principal store.Principal, found assertion) error {
	trusted, err := s.Store.FederatedCredentials(r.Context(), principal.ObjectID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(trusted, func(one store.FederatedCredential) bool {
		return one.Issuer == found.Issuer && one.Subject == found.Subject && slices.Contains(found.Audience, one.Audience)
	})
	if at < 0 || s.Issuers == nil {
		return badAssertion(700213, "no federated identity credential of the application has its issuer, subject and audience")
	}
	key, err := s.Issuers.key(r.Context(), trusted[at].Issuer, found.headers.KeyID)
	if err != nil {
		s.Log.WarnContext(r.Context(), "the keys of a trusted issuer could not be had", slog.String("issuer", trusted[at].Issuer), slog.Any("err", err))
		return badAssertion(700027, "the key that its issuer has signed it with could not be had")
	}
	if err := found.token.Claims(key, &jwt.Claims{}); err != nil {
		return badAssertion(700027, "its signature is not that of its issuer")
	}
	return acceptTimes(found.Claims, s.Now())
}
