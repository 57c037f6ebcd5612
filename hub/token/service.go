// Package token is the hub's token service, with Entra's endpoints and words: discovery documents,
// published keys, access tokens for service principals and for people, the pages on which people
// sign in, and the check of those tokens on every request. A token says who somebody is; what they may
// do is asked of hub/access each time, so that no token outlives a revoked role.
package token

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// tokenLife is how long an access token is good for.
const tokenLife = time.Hour

// forgetInterval is how often what has ended is removed from the store.
const forgetInterval = 10 * time.Minute

// Store is what the service needs of the store; store.DB is one.
type Store interface {
	password.Store

	GroupIDs(ctx context.Context, objectID string, limit int) ([]string, error)
	GetPrincipal(ctx context.Context, objectID string) (store.Principal, error)
	PrincipalByAppID(ctx context.Context, appID string) (store.Principal, error)
	KeyCredentials(ctx context.Context, principalID string) ([]store.KeyCredential, error)
	FederatedCredentials(ctx context.Context, principalID string) ([]store.FederatedCredential, error)

	CreateTicket(ctx context.Context, t store.Ticket) error
	GetTicket(ctx context.Context, kind, key string) (store.Ticket, error)
	MoveTicket(ctx context.Context, from string, t store.Ticket) error
	FollowTicket(ctx context.Context, from string, old, next store.Ticket) error
	TakeTicket(ctx context.Context, kind, key string) (store.Ticket, error)
	DeleteTickets(ctx context.Context, family string) error
	ForgetTickets(ctx context.Context, before time.Time) (int64, error)
	CountTickets(ctx context.Context, kind string) (int, error)
}

// Service issues and checks access tokens for the one tenant of the hub. URL is the hub's, without a
// slash at the end: issuer and audience are made of it. Aliases are its other URLs, for which clients may ask for
// tokens as well; they get one for URL, as all of the hub is one resource.
type Service struct {
	URL      string
	Aliases  []string
	TenantID string
	Store    Store
	Keys     *Keys
	// Users checks passwords. Without it nobody signs in with one.
	Users *password.Keeper
	// Federation is where people sign in who have no password here; nil when there is no such place.
	Federation *Federation
	// Issuers fetches the keys of issuers that service principals trust; nil accepts none.
	Issuers *Issuers
	Now     func() time.Time
	Log     *slog.Logger

	seen     seen
	failures failures
	asked    failures
	polls    polls
}

// Run removes what has ended until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(forgetInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if _, err := s.Store.ForgetTickets(ctx, s.Now().Add(-leeway)); err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "sign-ins that have ended could not be removed; trying again", slog.Any("err", err))
			}
		}
	}
}

// Mount adds the service to mux as the handler of everything that no other pattern takes: tenants
// are first segments, and may have any name. The mux must see paths in lower case.
func (s *Service) Mount(mux *http.ServeMux) {
	for _, route := range s.routes() {
		mux.HandleFunc(route.pattern, route.handler)
	}
}

type route struct {
	pattern string
	handler http.HandlerFunc
}

// routes are the service's addresses, in lower case. Clients whose authority ends in /adfs leave the
// tenant out.
func (s *Service) routes() []route {
	return []route{
		{"GET /{tenant}/v2.0/.well-known/openid-configuration", s.tenantOnly(s.discover)},
		{"GET /{tenant}/.well-known/openid-configuration", s.tenantOnly(s.discover)},
		{"GET /.well-known/openid-configuration", s.discover},
		{"GET /adfs/.well-known/openid-configuration", s.discoverADFS},
		{"GET /{tenant}/discovery/v2.0/keys", s.tenantOnly(s.publishKeys)},
		{"GET /adfs/discovery/keys", s.publishKeys},
		{"POST /{tenant}/oauth2/v2.0/token", s.tenantOnly(s.grant)},
		{"POST /adfs/oauth2/token", s.grant},
		{"GET /{tenant}/discovery/instance", s.tenantOnly(s.discoverInstance)},
		{"GET /{tenant}/userrealm/{user}", s.tenantOnly(s.realm)},
		{"POST /{tenant}/oauth2/v2.0/devicecode", s.tenantOnly(s.startDevice)},
		{"POST /adfs/oauth2/devicecode", s.startDevice},
		{"GET /{tenant}/oauth2/v2.0/authorize", s.tenantOnly(s.authorize)},
		{"GET /adfs/oauth2/authorize", s.authorize},
		{"GET /device", s.showDevice},
		{"POST /device", s.fromHere(s.enterCode)},
		{"GET /signin", s.showSignIn},
		{"POST /signin", s.fromHere(s.enterPassword)},
		{"POST /signin/password", s.fromHere(s.changePassword)},
		{"POST /signin/elsewhere", s.fromHere(s.goElsewhere)},
		{"GET /signin/callback", s.comeBack},
		{"POST /signin/answer", s.fromHere(s.answerDevice)},
		{"GET /signin/style.css", style},
		{"/", s.notFound},
	}
}

// tenantOnly lets through requests for the hub's tenant, by its id or by Entra's names for "the
// caller's own".
func (s *Service) tenantOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant := r.PathValue("tenant")
		if !strings.EqualFold(tenant, s.TenantID) && tenant != "organizations" && tenant != "common" {
			s.refuse(w, r, unknownTenant(tenant))
			return
		}
		next(w, r)
	}
}

func (s *Service) notFound(w http.ResponseWriter, r *http.Request) {
	reply.Writer{Log: s.Log}.Error(w, r, fairlead.Errorf(fairlead.NotFound, "there is nothing at %s %.200q", r.Method, r.URL.Path).WithCode("NotFound"))
}

func (s *Service) issuer() string { return s.URL + "/" + s.TenantID + "/v2.0" }
