package store

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
)

// Ticket is something that is good for a while and that one side of a sign-in holds: a device code,
// a refresh token, an assertion that was used. Key is made of the holder's secret and never the
// secret itself. Tickets of one family can be revoked together.
type Ticket struct {
	Kind, Key, Family, PrincipalID, State string

	Body      []byte
	ExpiresAt time.Time
}

const ticketColumns = `kind, key, family, principal_id, state, body, expires_at`

func readTicket(row scanner) (Ticket, error) {
	var t Ticket
	var body string
	var expires int64
	err := row.Scan(&t.Kind, &t.Key, &t.Family, &t.PrincipalID, &t.State, &body, &expires)
	t.Body, t.ExpiresAt = []byte(body), moment(expires)
	return t, err
}

func boundTicket(t Ticket) error {
	if t.Kind == "" || t.Key == "" || len(t.Key) > maxKey || len(t.Body) > MaxDocument {
		return fairlead.Errorf(fairlead.Invalid, "a ticket needs a kind and a key, and has a body of at most %d bytes", MaxDocument)
	}
	return nil
}

const insertTicket = `INSERT INTO tickets (` + ticketColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`

func ticketValues(t Ticket) []any {
	return []any{t.Kind, t.Key, t.Family, t.PrincipalID, t.State, string(t.Body), micros(t.ExpiresAt)}
}

// CreateTicket stores a new ticket; Conflict when its kind has that key already.
func (db *DB) CreateTicket(ctx context.Context, t Ticket) error {
	if err := boundTicket(t); err != nil {
		return err
	}
	changed, err := db.exec(ctx, "create ticket", insertTicket, ticketValues(t)...)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "the ticket exists already")
	}
	return err
}

// GetTicket returns a ticket, past its end or not, or NotFound.
func (db *DB) GetTicket(ctx context.Context, kind, key string) (Ticket, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+ticketColumns+` FROM tickets WHERE kind = $1 AND key = $2`, kind, key)
	return one(row, readTicket, "there is no such ticket")
}

// MoveTicket replaces what a ticket holds if its state is still from, and is Conflict otherwise: of
// several who decide at once, one does.
func (db *DB) MoveTicket(ctx context.Context, from string, t Ticket) error {
	if err := boundTicket(t); err != nil {
		return err
	}
	changed, err := db.exec(ctx, "move ticket", moveTicket, append(ticketValues(t), from)...)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "the ticket has changed meanwhile")
	}
	return err
}

const moveTicket = `UPDATE tickets SET family = $3, principal_id = $4, state = $5, body = $6, expires_at = $7
	WHERE kind = $1 AND key = $2 AND state = $8`

// FollowTicket is MoveTicket, together with the creation of the ticket that comes after it: both
// happen or none.
func (db *DB) FollowTicket(ctx context.Context, from string, old, next Ticket) error {
	if err := boundTicket(next); err != nil {
		return err
	}
	return db.commit(ctx, "follow ticket", func(c *change) error {
		result, err := c.ExecContext(ctx, moveTicket, append(ticketValues(old), from)...)
		if err != nil {
			return err
		}
		if err := conflictUnlessChanged(result, "the ticket has changed meanwhile"); err != nil {
			return err
		}
		result, err = c.ExecContext(ctx, insertTicket, ticketValues(next)...)
		if err != nil {
			return err
		}
		return conflictUnlessChanged(result, "the ticket exists already")
	})
}

// TakeTicket removes a ticket and returns it, or NotFound: of several who ask, one gets it.
func (db *DB) TakeTicket(ctx context.Context, kind, key string) (Ticket, error) {
	row := db.write.QueryRowContext(ctx, `DELETE FROM tickets WHERE kind = $1 AND key = $2 RETURNING `+ticketColumns, kind, key)
	return one(row, readTicket, "there is no such ticket")
}

// DeleteTickets removes a family of tickets; it is no error when there is none.
func (db *DB) DeleteTickets(ctx context.Context, family string) error {
	if family == "" {
		return nil
	}
	_, err := db.exec(ctx, "delete tickets", `DELETE FROM tickets WHERE family = $1`, family)
	return err
}

// DeleteTicketsOf removes all tickets of a principal; it is no error when there is none.
func (db *DB) DeleteTicketsOf(ctx context.Context, principalID string) error {
	if principalID == "" {
		return nil
	}
	_, err := db.exec(ctx, "delete tickets", `DELETE FROM tickets WHERE principal_id = $1`, principalID)
	return err
}

// ForgetTickets removes the tickets that ended before a time and returns how many.
func (db *DB) ForgetTickets(ctx context.Context, before time.Time) (int64, error) {
	return db.exec(ctx, "forget tickets", `DELETE FROM tickets WHERE expires_at < $1`, micros(before))
}

// CountTickets returns how many tickets of a kind there are.
func (db *DB) CountTickets(ctx context.Context, kind string) (int, error) {
	row := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM tickets WHERE kind = $1`, kind)
	return one(row, func(s scanner) (count int, err error) { return count, s.Scan(&count) }, "no count")
}
