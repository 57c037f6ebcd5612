package token

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	providerTimeout = 15 * time.Second
	// Bounds what is read of another issuer's claims.
	maxClaims         = 64 << 10
	maxProviderGroups = 1000
)

// People is what federation needs of the store; store.DB is one.
type People interface {
	UserByIdentity(ctx context.Context, issuer, subject string) (store.Principal, error)
	UserByName(ctx context.Context, userName string) (store.Principal, error)
	CreateUser(ctx context.Context, user store.Principal, hash []byte) error
	CreatePrincipal(ctx context.Context, p store.Principal) error
	AddMembers(ctx context.Context, groupID string, memberIDs []string, now time.Time) error
	RemoveMember(ctx context.Context, groupID, memberID string) error
	Related(ctx context.Context, relation store.Relation, objectID string, q store.PrincipalQuery) ([]store.Principal, error)
}

// Federation lets people sign in at another OpenID Connect provider. Somebody is recognised by issuer and
// subject, never by a name, which others may get later.
type Federation struct {
	Issuer, ClientID string
	Secret           Secret
	Name             string // of the provider, for people
	UserClaim        string // names the user; it must be unique at the provider
	GroupsClaim      string // lists groups; none when empty
	Domains          []string
	Unknown          UnknownPeople
	RedirectURL      string // the hub's own, as the provider knows it
	TenantID         string
	Store            People
	HTTP             *http.Client
	Now              func() time.Time
	Log              *slog.Logger

	mutex    sync.Mutex
	provider *oidc.Provider
}

// UnknownPeople says what becomes of people who sign in for the first time.
type UnknownPeople string

// Refuse lets in only people whom an administrator has made and linked; Create makes them, without any role.
const (
	RefuseUnknown UnknownPeople = "refuse"
	CreateUnknown UnknownPeople = "create"
)

func (f *Federation) name() string {
	if f.Name != "" {
		return f.Name
	}
	return strings.TrimPrefix(originOf(f.Issuer), "https://")
}

// origins are where the browser is sent.
func (f *Federation) origins() []string {
	all := []string{originOf(f.Issuer)}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.provider != nil {
		all = append(all, originOf(f.provider.Endpoint().AuthURL))
	}
	return slices.Compact(all)
}

// discovered returns the provider, asked for its endpoints once it has answered.
func (f *Federation) discovered(ctx context.Context) (*oidc.Provider, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.provider != nil {
		return f.provider, nil
	}
	// The keys are fetched with this context as long as the provider is used.
	lasting := oidc.ClientContext(context.WithoutCancel(ctx), f.HTTP)
	found, err := oidc.NewProvider(lasting, f.Issuer)
	if err != nil {
		f.Log.ErrorContext(ctx, "the identity provider could not be asked", slog.String("issuer", f.Issuer), slog.Any("err", err))
		return nil, fairlead.Errorf(fairlead.Unavailable, "%s cannot be reached just now. Try again later.", f.name())
	}
	f.provider = found
	return found, nil
}

func (f *Federation) config(provider *oidc.Provider) *oauth2.Config {
	wanted := []string{oidc.ScopeOpenID, "profile", "email"}
	if f.GroupsClaim != "" && slices.Contains(supported(provider), "groups") {
		wanted = append(wanted, "groups")
	}
	return &oauth2.Config{
		ClientID: f.ClientID, ClientSecret: string(f.Secret), Endpoint: provider.Endpoint(), RedirectURL: f.RedirectURL, Scopes: wanted,
	}
}

func supported(provider *oidc.Provider) []string {
	var document struct {
		Scopes []string `json:"scopes_supported"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil
	}
	return document.Scopes
}

// goElsewhere sends the browser to the provider.
func (s *Service) goElsewhere(w http.ResponseWriter, r *http.Request) {
	found, err := s.submitted(r)
	if err == nil && s.Federation == nil {
		err = noAttempt()
	}
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	provider, err := s.Federation.discovered(r.Context())
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	found.State, found.Nonce, found.Verifier = rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	if moved, err := s.move(r.Context(), found.ticket, "", found.attemptToSignIn); err != nil || !moved {
		s.showProblem(w, r, orElse(err, noAttempt()))
		return
	}
	there := s.Federation.config(provider).AuthCodeURL(found.State, oidc.Nonce(found.Nonce), oauth2.S256ChallengeOption(found.Verifier))
	http.Redirect(w, r, there, http.StatusSeeOther)
}

// comeBack takes up the attempt of a browser that returns from the provider.
func (s *Service) comeBack(w http.ResponseWriter, r *http.Request) {
	found, err := s.current(r)
	query := r.URL.Query()
	switch {
	case err != nil:
	case s.Federation == nil || found.State == "" || query.Get("state") != found.State || found.ticket.PrincipalID != "":
		err = noAttempt()
	case query.Get("error") != "":
		err = fairlead.Errorf(fairlead.Forbidden, "%s did not sign you in: %.200s.", s.Federation.name(), query.Get("error"))
	}
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	user, err := s.Federation.recognise(r.Context(), found, query.Get("code"))
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	s.enter(w, r, found, user)
}

// recognise exchanges the provider's code for its ID token and returns the user that it is about.
func (f *Federation) recognise(ctx context.Context, found open, code string) (store.Principal, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, f.HTTP), providerTimeout)
	defer cancel()
	provider, err := f.discovered(ctx)
	if err != nil {
		return store.Principal{}, err
	}
	answer, err := f.config(provider).Exchange(ctx, code, oauth2.VerifierOption(found.Verifier))
	if err != nil {
		return store.Principal{}, f.distrust(ctx, err)
	}
	text, _ := answer.Extra("id_token").(string)
	verified, err := provider.Verifier(&oidc.Config{ClientID: f.ClientID, Now: f.Now}).Verify(ctx, text)
	if err != nil {
		return store.Principal{}, f.distrust(ctx, err)
	}
	if verified.Nonce != found.Nonce {
		return store.Principal{}, f.distrust(ctx, fmt.Errorf("the nonce is another"))
	}
	about, err := f.read(verified)
	if err != nil {
		return store.Principal{}, err
	}
	return f.user(ctx, about)
}

func (f *Federation) distrust(ctx context.Context, err error) error {
	f.Log.WarnContext(ctx, "the identity provider's answer is not accepted", slog.String("issuer", f.Issuer), slog.Any("err", err))
	return fairlead.Errorf(fairlead.Unauthenticated, "The answer of %s is not accepted. Start again; if it stays so, the hub's log has the reason.", f.name())
}

// someone is what the provider says about a person.
type someone struct {
	subject, userName, displayName, mail string
	groups                               []string
}

func (f *Federation) read(verified *oidc.IDToken) (someone, error) {
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return someone{}, fairlead.Errorf(fairlead.Unauthenticated, "The claims of %s cannot be read.", f.name())
	}
	text := func(name string) string {
		value, _ := claims[name].(string)
		return strings.TrimSpace(value)
	}
	found := someone{subject: verified.Subject, userName: text(f.UserClaim), displayName: text("name"), mail: text("email")}
	if found.displayName == "" {
		found.displayName = found.userName
	}
	if f.GroupsClaim != "" {
		found.groups = readGroups(claims[f.GroupsClaim])
	}
	if proven, said := claims["email_verified"].(bool); f.UserClaim == "email" && said && !proven {
		return found, fairlead.Errorf(fairlead.Forbidden, "%s has not verified your mail address.", f.name())
	}
	return found, f.allowed(found)
}

func readGroups(claim any) []string {
	listed, _ := claim.([]any)
	var all []string
	for _, one := range listed {
		if name, ok := one.(string); ok && name != "" && len(name) <= 256 && len(all) < maxProviderGroups {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (f *Federation) allowed(found someone) error {
	_, domain, _ := strings.Cut(found.userName, "@")
	switch {
	case found.subject == "" || found.userName == "" || len(found.userName) > 256:
		return fairlead.Errorf(fairlead.Forbidden, "%s does not say what you are called: its claim %q is missing.", f.name(), f.UserClaim)
	case len(f.Domains) > 0 && !slices.ContainsFunc(f.Domains, func(one string) bool { return strings.EqualFold(one, domain) }):
		return fairlead.Errorf(fairlead.Forbidden, "People of the domain %q may not sign in to this hub.", domain)
	}
	return nil
}

// user returns the user of this hub who is known there by that subject, and brings their groups up to date.
func (f *Federation) user(ctx context.Context, about someone) (store.Principal, error) {
	user, err := f.Store.UserByIdentity(ctx, f.Issuer, about.subject)
	if fairlead.KindOf(err) == fairlead.NotFound {
		user, err = f.welcome(ctx, about)
	}
	switch {
	case err != nil:
		return user, err
	case user.Kind != store.User || user.Disabled:
		return user, fairlead.Errorf(fairlead.Forbidden, "The user account is disabled.")
	}
	if f.GroupsClaim == "" {
		return user, nil
	}
	return user, f.group(ctx, user, about.groups)
}

func (f *Federation) welcome(ctx context.Context, about someone) (store.Principal, error) {
	if f.Unknown != CreateUnknown {
		return store.Principal{}, fairlead.Errorf(fairlead.Forbidden, "%s is not a user of this hub. An administrator can make one.", about.userName)
	}
	made := store.Principal{
		ObjectID: uuid.NewString(), TenantID: f.TenantID, Kind: store.User, DisplayName: about.displayName,
		UserName: about.userName, Mail: about.mail, Issuer: f.Issuer, Subject: about.subject, CreatedAt: f.Now(),
	}
	err := f.Store.CreateUser(ctx, made, nil)
	if fairlead.KindOf(err) == fairlead.Conflict {
		return made, fairlead.Errorf(fairlead.Forbidden, "Another user of this hub is called %s already. An administrator can rename one of them.", about.userName)
	}
	if err == nil {
		f.Log.InfoContext(ctx, "user created at first sign-in", slog.String("object_id", made.ObjectID), slog.String("issuer", f.Issuer))
	}
	return made, err
}

// group puts a user into the groups that the provider names, and out of those that it does not name any more. They are
// groups of their own, known by issuer and name: nobody gets into a group of this hub because one at the provider has
// the same name.
func (f *Federation) group(ctx context.Context, user store.Principal, wanted []string) error {
	held, err := f.Store.Related(ctx, store.MemberOf, user.ObjectID, store.PrincipalQuery{})
	if err != nil {
		return err
	}
	for _, one := range held {
		name, ours := strings.CutPrefix(one.Subject, groupSubject)
		if !ours || one.Issuer != f.Issuer {
			continue
		}
		at, still := slices.BinarySearch(wanted, name)
		if still {
			wanted = slices.Delete(slices.Clone(wanted), at, at+1)
		} else if err := f.Store.RemoveMember(ctx, one.ObjectID, user.ObjectID); err != nil && fairlead.KindOf(err) != fairlead.NotFound {
			return err
		}
	}
	for _, name := range wanted {
		if err := f.join(ctx, user, name); err != nil {
			return err
		}
	}
	return nil
}

// groupSubject tells the groups of an issuer from its people.
const groupSubject = "group:"

func (f *Federation) join(ctx context.Context, user store.Principal, name string) error {
	group, err := f.Store.UserByIdentity(ctx, f.Issuer, groupSubject+name)
	if fairlead.KindOf(err) == fairlead.NotFound {
		group = store.Principal{
			ObjectID: uuid.NewString(), TenantID: f.TenantID, Kind: store.Group, DisplayName: name,
			Description: "From " + f.name(), Issuer: f.Issuer, Subject: groupSubject + name, CreatedAt: f.Now(),
		}
		err = f.Store.CreatePrincipal(ctx, group)
	}
	if err != nil {
		return err
	}
	if group.Kind != store.Group {
		return fairlead.Errorf(fairlead.Conflict, "The group %.64s cannot be told from a person at %s.", name, f.name())
	}
	err = f.Store.AddMembers(ctx, group.ObjectID, []string{user.ObjectID}, f.Now())
	if fairlead.KindOf(err) == fairlead.Conflict {
		return nil
	}
	return err
}

// validIssuer accepts https URLs of a host, which is all that an issuer may be.
func validIssuer(text string) bool {
	address, err := url.Parse(text)
	return err == nil && address.Scheme == "https" && address.Host != "" && address.User == nil && address.RawQuery == "" && address.Fragment == ""
}
