package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// The kinds of tickets that the service keeps.
const (
	kindDevice    = "device"
	kindUserCode  = "usercode"
	kindRefresh   = "refresh"
	kindCode      = "code"
	kindSignIn    = "signin"
	kindAssertion = "assertion"
)

// digest makes the key of a ticket of what its holder has. Lengths keep "ab", "c" and "a", "bc" apart.
func digest(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(part), part) // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// keep stores a new ticket with a body.
func (s *Service) keep(ctx context.Context, t store.Ticket, life time.Duration, body any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write %s ticket: %w", t.Kind, err)
	}
	t.Body, t.ExpiresAt = content, s.Now().Add(life)
	return s.Store.CreateTicket(ctx, t)
}

// find reads a ticket that is still good, and its body; false when there is none.
func (s *Service) find(ctx context.Context, kind, key string, body any) (store.Ticket, bool, error) {
	t, err := s.Store.GetTicket(ctx, kind, key)
	return s.opened(t, err, body)
}

// take is find for a ticket that is good once.
func (s *Service) take(ctx context.Context, kind, key string, body any) (store.Ticket, bool, error) {
	t, err := s.Store.TakeTicket(ctx, kind, key)
	return s.opened(t, err, body)
}

func (s *Service) opened(t store.Ticket, err error, body any) (store.Ticket, bool, error) {
	if fairlead.KindOf(err) == fairlead.NotFound || err == nil && s.Now().After(t.ExpiresAt) {
		return t, false, nil
	}
	if err != nil {
		return t, false, err
	}
	if err := json.Unmarshal(t.Body, body); err != nil {
		return t, false, fmt.Errorf("read %s ticket: %w", t.Kind, err)
	}
	return t, true, nil
}

// move changes a ticket's state and body, unless somebody else was faster: then it is false.
func (s *Service) move(ctx context.Context, t store.Ticket, state string, body any) (bool, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return false, fmt.Errorf("write %s ticket: %w", t.Kind, err)
	}
	from := t.State
	t.State, t.Body = state, content
	err = s.Store.MoveTicket(ctx, from, t)
	if fairlead.KindOf(err) == fairlead.Conflict {
		return false, nil
	}
	return err == nil, err
}
