package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/fairlead/fairlead"
)

// The rows of table revision beside the one of resources (change.next).
const directoryRevision = 2

// changeDirectory runs one writing transaction on principals and memberships. It begins by drawing the
// directory's next revision, whose row stays locked until the end: such transactions follow one another.
func (db *DB) changeDirectory(ctx context.Context, doing string, fn func(*change) error) error {
	return db.commit(ctx, doing, func(c *change) error {
		c.revises = true
		if _, err := c.ExecContext(ctx, `UPDATE revision SET value = value + 1 WHERE id = $1`, directoryRevision); err != nil {
			return err
		}
		return fn(c)
	})
}

// CreateUser adds a user and, unless hash is empty, the password to sign in with, as SetPassword does.
// Conflict when the object id, the user name or the identity at another issuer is taken.
func (db *DB) CreateUser(ctx context.Context, user Principal, hash []byte) error {
	user.Kind = User
	if user.UserName == "" {
		return fairlead.Errorf(fairlead.Invalid, "a user needs a name")
	}
	return db.changeDirectory(ctx, "create user", func(c *change) error {
		if err := c.addPrincipal(ctx, user); err != nil || len(hash) == 0 {
			return err
		}
		return c.setPassword(ctx, user.ObjectID, hash, user.CreatedAt)
	})
}

// UserByName returns the user with that name, in any case, or NotFound.
func (db *DB) UserByName(ctx context.Context, userName string) (Principal, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals WHERE user_key = $1 AND user_key <> ''`, fold(userName))
	return one(row, readPrincipal, "user %s does not exist", userName)
}

// UserByIdentity returns the user whom another issuer knows as subject, or NotFound. Both are compared with
// case, as OpenID Connect has it.
func (db *DB) UserByIdentity(ctx context.Context, issuer, subject string) (Principal, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals
		WHERE issuer = $1 AND subject = $2 AND subject <> ''`, issuer, subject)
	return one(row, readPrincipal, "no user is known as %s at %s", subject, issuer)
}

// SetPassword replaces all credentials of an existing principal by one without an end: the only thing that is
// good from then on is what hash was made of. The credential's CreatedAt says since when. NotFound when
// there is no such principal.
func (db *DB) SetPassword(ctx context.Context, principalID string, hash []byte, now time.Time) error {
	if len(hash) == 0 {
		return fairlead.Errorf(fairlead.Invalid, "a password needs a hash")
	}
	return db.changeDirectory(ctx, "set password", func(c *change) error {
		if _, err := c.principal(ctx, principalID); err != nil {
			return err
		}
		return c.setPassword(ctx, principalID, hash, now)
	})
}

func (c *change) setPassword(ctx context.Context, principalID string, hash []byte, now time.Time) error {
	if _, err := c.ExecContext(ctx, `DELETE FROM credentials WHERE principal_id = $1`, principalID); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, `INSERT INTO credentials (id, principal_id, hash, not_after, created_at)
		VALUES ($1, $2, $3, 0, $4)`, rand.Text(), principalID, hash, micros(defaultTime(now)))
	return err
}

func (c *change) principal(ctx context.Context, objectID string) (Principal, error) {
	row := c.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals WHERE object_id = $1`, objectID)
	return one(row, readPrincipal, "principal %s does not exist", objectID)
}

// ChangePrincipal lets edit change a principal as it is stored now, and returns what became of it. Object id,
// application id, tenant, kind and time of creation stay as they are. A hash that is not empty becomes the
// password in the same transaction, as SetPassword does it. NotFound when there is no such principal,
// Conflict when the new user name or identity is taken; what edit returns, if it refuses.
func (db *DB) ChangePrincipal(ctx context.Context, objectID string, edit func(*Principal) error, hash []byte, now time.Time) (Principal, error) {
	var changed Principal
	err := db.changeDirectory(ctx, "change principal", func(c *change) error {
		before, err := c.principal(ctx, objectID)
		if err != nil {
			return err
		}
		changed = before
		if err := edit(&changed); err != nil {
			return err
		}
		changed.ObjectID, changed.AppID, changed.TenantID = before.ObjectID, before.AppID, before.TenantID
		changed.Kind, changed.CreatedAt = before.Kind, before.CreatedAt
		if err := c.replacePrincipal(ctx, changed); err != nil || len(hash) == 0 {
			return err
		}
		return c.setPassword(ctx, objectID, hash, now)
	})
	return changed, err
}

func (c *change) replacePrincipal(ctx context.Context, p Principal) error {
	if err := c.refuseTaken(ctx, p); err != nil {
		return err
	}
	row := p.row()
	_, err := c.ExecContext(ctx, `UPDATE principals SET display_name = $2, user_name = $3, mail = $4, mail_nickname = $5,
		description = $6, issuer = $7, subject = $8, disabled = $9, must_change_password = $10,
		display_key = $11, user_key = $12, mail_key = $13 WHERE object_id = $1`,
		p.ObjectID, p.DisplayName, p.UserName, p.Mail, p.MailNickname, p.Description, p.Issuer, p.Subject,
		row[11], row[12], row[14], row[15], row[16])
	return err
}

// refuseTaken looks before it writes: transactions on the directory follow one another, so what is free stays free.
func (c *change) refuseTaken(ctx context.Context, p Principal) error {
	if p.Kind == User && p.UserName == "" {
		return fairlead.Errorf(fairlead.Invalid, "a user needs a name")
	}
	var other string
	err := c.QueryRowContext(ctx, `SELECT object_id FROM principals WHERE object_id <> $1
		AND (user_key = $2 AND user_key <> '' OR issuer = $3 AND subject = $4 AND subject <> '')`,
		p.ObjectID, fold(p.UserName), p.Issuer, p.Subject).Scan(&other)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "another user is called %s already", p.UserName)
}
