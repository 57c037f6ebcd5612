package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// Registration says whether a subscription uses something that has a name: a namespace of resource types,
// or a preview feature, named namespace/feature. Names are compared without case and shown as they were first
// spelled.
type Registration struct {
	Subscription, Name string

	Registered bool
	ChangedAt  time.Time
}

func readRegistration(row scanner) (Registration, error) {
	var r Registration
	var registered, changed int64
	err := row.Scan(&r.Subscription, &r.Name, &registered, &changed)
	r.Registered, r.ChangedAt = registered == 1, moment(changed)
	return r, err
}

// Register notes a registration, or its end.
func (db *DB) Register(ctx context.Context, r Registration) error {
	return db.commit(ctx, "register", func(c *change) error { return c.register(ctx, r) })
}

// UnregisterNamespace notes the end of a namespace's registration, or is a Conflict that names a resource of the
// namespace which the subscription still has.
func (db *DB) UnregisterNamespace(ctx context.Context, r Registration) error {
	r.Registered = false
	return db.commit(ctx, "unregister namespace", func(c *change) error {
		if _, err := c.next(ctx); err != nil { // no resource is written before the commit
			return err
		}
		types := strings.ToLower(r.Name) + "/"
		found, err := one(c.QueryRowContext(ctx, `SELECT `+resourceColumns+` FROM resources
			WHERE subscription = $1 AND type >= $2 AND type < $3 ORDER BY key LIMIT 1`,
			strings.ToLower(r.Subscription), types, prefixEnd(types)), readResource, "no resource")
		if err == nil {
			return fairlead.Errorf(fairlead.Conflict, "there still are resources such as %s", found.ID)
		}
		if fairlead.KindOf(err) != fairlead.NotFound {
			return err
		}
		return c.register(ctx, r)
	})
}

func (c *change) register(ctx context.Context, r Registration) error {
	if r.Name == "" || len(r.Name) > maxKey {
		return fairlead.Errorf(fairlead.Invalid, "a registration needs a name of at most %d bytes", maxKey)
	}
	registered := 0
	if r.Registered {
		registered = 1
	}
	_, err := c.ExecContext(ctx, `INSERT INTO registrations (subscription, name, spelling, registered, changed_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (subscription, name) DO UPDATE SET registered = excluded.registered, changed_at = excluded.changed_at`,
		strings.ToLower(r.Subscription), strings.ToLower(r.Name), r.Name, registered, micros(defaultTime(r.ChangedAt)))
	return err
}

// Registration returns what is noted under a name, or NotFound when nothing ever was.
func (db *DB) Registration(ctx context.Context, subscription, name string) (Registration, error) {
	row := db.read.QueryRowContext(ctx, `SELECT subscription, spelling, registered, changed_at FROM registrations
		WHERE subscription = $1 AND name = $2`, strings.ToLower(subscription), strings.ToLower(name))
	return one(row, readRegistration, "%s has never been registered", name)
}

// Registrations returns all that is noted for a subscription, by name.
func (db *DB) Registrations(ctx context.Context, subscription string) ([]Registration, error) {
	found, err := many(ctx, db.read, readRegistration, `SELECT subscription, spelling, registered, changed_at FROM registrations
		WHERE subscription = $1 ORDER BY name`, strings.ToLower(subscription))
	if err != nil {
		return nil, fmt.Errorf("list registrations: %w", err)
	}
	return found, nil
}
