package token

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/store"
)

// person is a user who has signed in to an application, and when.
type person struct {
	user   store.Principal
	client string
	nonce  string
	since  time.Time
}

// identity is the payload of an ID token, which tells the application who has signed in.
type identity struct {
	Issuer    string          `json:"iss"`
	Audience  jwt.Audience    `json:"aud"`
	Subject   string          `json:"sub"`
	IssuedAt  jwt.NumericDate `json:"iat"`
	NotBefore jwt.NumericDate `json:"nbf"`
	Expiry    jwt.NumericDate `json:"exp"`
	AuthTime  jwt.NumericDate `json:"auth_time"`
	ObjectID  string          `json:"oid"`
	TenantID  string          `json:"tid"`
	UserName  string          `json:"preferred_username"`
	UPN       string          `json:"upn"`
	Name      string          `json:"name"`
	Nonce     string          `json:"nonce,omitempty"`
	Version   string          `json:"ver"`
}

// answerPerson makes all that a person's program gets. Without a refresh token a new session begins, if the
// program asked for one.
func (s *Service) answerPerson(r *http.Request, p person, wanted scopes, next Secret) (granted, error) {
	answer, err := s.accessTo(r, bearer{principal: p.user, client: p.client, audience: wanted.audience})
	if err != nil {
		return granted{}, err
	}
	if next == "" && wanted.has(scopeOffline) {
		if next, err = s.begin(r.Context(), p); err != nil {
			return granted{}, err
		}
	}
	if wanted.has(scopeOpenID) {
		if answer.IDToken, err = s.idToken(p); err != nil {
			return granted{}, err
		}
	}
	answer.RefreshToken, answer.Scope = string(next), wanted.text(r.PostForm.Get("scope"))
	answer.ClientInfo, err = s.clientInfo(p.user)
	return answer, err
}

func (s *Service) idToken(p person) (string, error) {
	now := s.Now()
	return s.sign(identity{
		Issuer: s.issuer(), Audience: jwt.Audience{p.client}, Subject: p.user.ObjectID,
		IssuedAt: date(now), NotBefore: date(now), Expiry: date(now.Add(tokenLife)), AuthTime: date(p.since),
		ObjectID: p.user.ObjectID, TenantID: s.TenantID, UserName: p.user.UserName, UPN: p.user.UserName, Name: p.user.DisplayName,
		Nonce: p.nonce, Version: "2.0",
	})
}

// clientInfo is how programs tell the accounts that they keep apart.
func (s *Service) clientInfo(user store.Principal) (string, error) {
	content, err := json.Marshal(map[string]string{"uid": user.ObjectID, "utid": s.TenantID})
	if err != nil {
		return "", fmt.Errorf("write client info: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(content), nil
}

// grantPassword signs a person in whose program has asked for the password.
func (s *Service) grantPassword(r *http.Request) (granted, error) {
	client, err := s.publicClient(r)
	if err != nil {
		return granted{}, err
	}
	wanted, err := s.readScopes(r.PostForm.Get("scope"))
	if err != nil {
		return granted{}, err
	}
	user, err := s.checkPassword(r, r.PostForm.Get("username"), password.Password(r.PostForm.Get("password")))
	if err != nil {
		return granted{}, err
	}
	return s.answerPerson(r, person{user: user, client: client, since: s.Now()}, wanted, "")
}

// checkPassword returns the user whose name and password these are, if not too many were wrong before.
func (s *Service) checkPassword(r *http.Request, name string, typed password.Password) (store.Principal, error) {
	if name == "" || typed == "" || s.Users == nil {
		return store.Principal{}, badRequest("invalid_request", 900144, "The user name and the password are needed.")
	}
	attempt := attempt{appID: "user " + digest(strings.ToLower(name)), address: network(r)}
	if wait := s.failures.wait(attempt, s.Now()); wait > 0 {
		return store.Principal{}, tooManyFailures(wait)
	}
	user, err := s.Users.SignIn(r.Context(), name, typed)
	if fairlead.KindOf(err) == fairlead.Unauthenticated {
		if fairlead.CodeOf(err) != password.CodeExpired {
			s.failures.count(attempt, s.Now())
		}
		return user, wrongPassword(err)
	}
	return user, err
}

// wrongPassword says in Entra's numbers why a password did not do.
func wrongPassword(err error) *refusal {
	numbers := map[string]int{password.CodeWrong: 50126, password.CodeDisabled: 50057, password.CodeExpired: 50055}
	text := "Error validating credentials due to invalid username or password."
	if said, ok := errors.AsType[*fairlead.Error](err); ok {
		text = said.Message
	}
	return badRequest("invalid_grant", numbers[fairlead.CodeOf(err)], "%s", text)
}

// redeemed returns the user that a ticket was approved for, as the store knows them now.
func (s *Service) redeemed(ctx context.Context, principalID string) (store.Principal, error) {
	user, err := s.Store.GetPrincipal(ctx, principalID)
	switch {
	case fairlead.KindOf(err) == fairlead.NotFound:
		return user, revoked("the user does not exist any more")
	case err == nil && user.Disabled:
		return user, badRequest("invalid_grant", 50057, "The user account is disabled.")
	}
	return user, err
}
