package token

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	refreshPrefix = "flr_"
	// How long a person stays signed in without doing anything.
	refreshLife = 90 * 24 * time.Hour
	// How long a token is remembered after it was exchanged, to notice when it turns up again.
	usedLife = 7 * 24 * time.Hour
	// For so long a token may be exchanged again: the answer may have been lost on the way, and two
	// programs may share what they keep.
	useAgain = 30 * time.Second

	stateGood = "good"
	stateUsed = "used"
)

// refresh is what a refresh token stands for. Since is when the person proved who they are.
type refresh struct {
	Client string     `json:"client"`
	Since  time.Time  `json:"since"`
	Used   *time.Time `json:"used,omitempty"`
}

// newRefresh prepares a token of a family, and the ticket to remember it by.
func (s *Service) newRefresh(principalID, family string, body refresh) (Secret, store.Ticket, error) {
	secret := Secret(refreshPrefix + rand.Text() + rand.Text())
	content, err := json.Marshal(refresh{Client: body.Client, Since: body.Since})
	if err != nil {
		return "", store.Ticket{}, fmt.Errorf("write refresh token: %w", err)
	}
	return secret, store.Ticket{
		Kind: kindRefresh, Key: digest(string(secret)), Family: family, PrincipalID: principalID,
		State: stateGood, Body: content, ExpiresAt: s.Now().Add(refreshLife),
	}, nil
}

// grantRefresh exchanges a refresh token for the next one and an access token for any of the hub's audiences.
func (s *Service) grantRefresh(r *http.Request) (granted, error) {
	client, err := s.publicClient(r)
	if err != nil {
		return granted{}, err
	}
	wanted, err := s.readScopes(r.PostForm.Get("scope"))
	if err != nil {
		return granted{}, err
	}
	var held refresh
	ticket, good, err := s.find(r.Context(), kindRefresh, digest(r.PostForm.Get("refresh_token")), &held)
	switch {
	case err != nil:
		return granted{}, err
	case !good:
		return granted{}, badRequest("invalid_grant", 700082, "The refresh token has expired due to inactivity, or it was revoked. Sign in again.")
	case held.Client != client:
		return granted{}, badRequest("invalid_grant", 70000, "The refresh token was issued to another application.")
	}
	user, err := s.stillGood(r.Context(), ticket, held)
	if err != nil {
		return granted{}, err
	}
	next, err := s.rotate(r.Context(), ticket, held)
	if err != nil {
		return granted{}, err
	}
	return s.answerPerson(r, person{user: user, client: client, since: held.Since}, wanted, next)
}

// stillGood returns the user whose session it is, and ends the session when it must not go on.
func (s *Service) stillGood(ctx context.Context, ticket store.Ticket, held refresh) (store.Principal, error) {
	user, err := s.Store.GetPrincipal(ctx, ticket.PrincipalID)
	if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
		return user, err
	}
	var why *refusal
	switch changed, failed := s.passwordSince(ctx, user); {
	case failed != nil:
		return user, failed
	case err != nil || user.Kind != store.User:
		why = revoked("the user does not exist any more")
	case user.Disabled:
		why = badRequest("invalid_grant", 50057, "The user account is disabled.")
	case changed.After(held.Since):
		why = revoked("the password was changed")
	case held.Used != nil && s.Now().Sub(*held.Used) > useAgain:
		s.Log.WarnContext(ctx, "a refresh token was used twice: the session is revoked", slog.String("object_id", user.ObjectID), slog.String("client_id", held.Client))
		why = revoked("it was used before")
	default:
		return user, nil
	}
	return user, orElse(s.Store.DeleteTickets(ctx, ticket.Family), why)
}

func revoked(why string) *refusal {
	return badRequest("invalid_grant", 50173, "The provided grant has expired due to it being revoked: %s. Sign in again.", why)
}

// passwordSince returns since when a user's password is the one that it is; the zero time when there is none.
func (s *Service) passwordSince(ctx context.Context, user store.Principal) (time.Time, error) {
	if user.ObjectID == "" {
		return time.Time{}, nil
	}
	held, err := s.Store.Credentials(ctx, user.ObjectID)
	var latest time.Time
	for _, one := range held {
		if one.CreatedAt.After(latest) {
			latest = one.CreatedAt
		}
	}
	return latest, err
}

// rotate puts another token in the place of one, in one step.
func (s *Service) rotate(ctx context.Context, old store.Ticket, held refresh) (Secret, error) {
	secret, next, err := s.newRefresh(old.PrincipalID, old.Family, held)
	if err != nil {
		return "", err
	}
	if old.State == stateUsed {
		return secret, s.Store.CreateTicket(ctx, next)
	}
	now := s.Now()
	held.Used = &now
	if old.Body, err = json.Marshal(held); err != nil {
		return "", fmt.Errorf("write refresh token: %w", err)
	}
	old.State, old.ExpiresAt = stateUsed, now.Add(usedLife)
	err = s.Store.FollowTicket(ctx, stateGood, old, next)
	if fairlead.KindOf(err) == fairlead.Conflict { // somebody exchanged it in this very moment
		return secret, s.Store.CreateTicket(ctx, next)
	}
	return secret, err
}

// begin starts a session: it returns the first refresh token of a new family.
func (s *Service) begin(ctx context.Context, p person) (Secret, error) {
	secret, ticket, err := s.newRefresh(p.user.ObjectID, strings.ToLower(rand.Text()), refresh{Client: p.client, Since: p.since})
	if err != nil {
		return "", err
	}
	return secret, s.Store.CreateTicket(ctx, ticket)
}
