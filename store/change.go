package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

// change is one writing transaction. Its keys are announced after the commit, never before.
type change struct {
	*sql.Tx
	dialect dialect
	keys    []string
	revises bool // it writes revisions
}

// commit runs fn in a transaction, says what for when it fails, and wakes those who wait for the keys. It
// wakes them as well when nobody knows whether the commit has happened.
func (db *DB) commit(ctx context.Context, doing string, fn func(*change) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, diskFault(err))
	}
	defer func() { _ = tx.Rollback() }()
	work := &change{Tx: tx, dialect: db.dialect}
	if err := fn(work); err != nil {
		return fmt.Errorf("%s: %w", doing, diskFault(err))
	}
	err = tx.Commit()
	if work.revises {
		db.revised.forget()
	}
	db.watch.announce(work.keys...)
	if err != nil {
		db.abandon(ctx)
		return fmt.Errorf("%s: %w", doing, diskFault(err))
	}
	return nil
}

// exec is commit for one statement; it returns how many rows changed.
func (db *DB) exec(ctx context.Context, doing, statement string, args ...any) (int64, error) {
	result, err := db.write.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, diskFault(err))
	}
	return result.RowsAffected()
}

// next draws the next revision. The row stays locked until the transaction ends, so revisions
// appear in the order in which they are committed, and conditions hold until then.
func (c *change) next(ctx context.Context) (int64, error) {
	var value int64
	c.revises = true
	err := c.QueryRowContext(ctx, `UPDATE revision SET value = value + 1 WHERE id = 1 RETURNING value`).Scan(&value)
	return value, err
}

// changed notes a key whose watchers are to be told.
func (c *change) changed(ctx context.Context, key string) error {
	c.keys = append(c.keys, key)
	if c.dialect.notify == "" {
		return nil
	}
	_, err := c.ExecContext(ctx, c.dialect.notify, key)
	return err
}

// changedBelow notes a key whose watchers are to be told of a change of what belongs to it.
func (c *change) changedBelow(ctx context.Context, key string) error {
	c.keys = append(c.keys, belongings(key))
	return c.changed(ctx, key)
}

// scanner is what *sql.Row and *sql.Rows have in common.
type scanner interface{ Scan(dest ...any) error }

// one returns the row of a query, or NotFound with that message.
func one[T any](row *sql.Row, read func(scanner) (T, error), missing string, args ...any) (T, error) {
	value, err := read(row)
	if errors.Is(err, sql.ErrNoRows) {
		return value, fairlead.Errorf(fairlead.NotFound, missing, args...)
	}
	return value, diskFault(err)
}

// many returns all rows of a query.
func many[T any](ctx context.Context, db *sql.DB, read func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query: %w", diskFault(err))
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		value, err := read(rows)
		if err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		all = append(all, value)
	}
	return all, diskFault(rows.Err())
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
