package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// OpenReadOnly opens a SQLite database for reading alone, as it is: nothing in it changes, not even its
// schema. A hub may be using it at the same time.
func OpenReadOnly(ctx context.Context, path string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool := openPoolWith(path, url.Values{"mode": {"ro"}}, readers)
	db := &DB{read: pool, write: pool, dialect: dialect{name: "sqlite", collate: "BINARY"}}
	if err := db.persist(ctx, db.Ping); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return db, nil
}

// CopyTo writes all that is committed at one moment into a new SQLite file, while others go on
// writing. The file must not exist; nobody but its owner may read it.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // a caller names it
	if err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	// SQLite takes an empty file for one that is not there, and keeps its mode.
	if _, err := db.read.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	return nil
}

// Check reads the whole database and reports what is damaged, or that a newer version made it.
func (db *DB) Check(ctx context.Context) error {
	found, err := many(ctx, db.read, func(row scanner) (string, error) {
		var problem string
		return problem, row.Scan(&problem)
	}, `PRAGMA integrity_check(10)`)
	if err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	if len(found) != 1 || found[0] != "ok" {
		return fairlead.Errorf(fairlead.Conflict, "the database is damaged: %.1000s", strings.Join(found, "; "))
	}
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	all, err := readMigrations()
	if err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	if err := refuseNewer(ctx, tx, len(all)); err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	return nil
}

// Current checks that the schema of a SQLite database is exactly this version's, so that a command can write to what
// a hub of the same version has open.
func Current(ctx context.Context, path string) error {
	db, err := OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // was only read
	all, err := readMigrations()
	if err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	var applied int
	if err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM migrations`).Scan(&applied); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	if applied != len(all) {
		return fairlead.Errorf(fairlead.Conflict, "the hub of this database has another version than this command: use the hub's own binary")
	}
	return nil
}

// Advance moves revisions past all that were ever drawn from a database that is older than what clients
// have seen: an etag of the time since its backup must never again become one of another document. A
// revision is drawn at most once a microsecond, so the clock is always ahead of them.
func (db *DB) Advance(ctx context.Context, now time.Time) error {
	_, err := db.exec(ctx, "advance revisions",
		`UPDATE revision SET value = CASE WHEN value < $1 THEN $1 ELSE value + 1 END WHERE id = 1`, now.UnixMicro())
	db.revised.forget()
	return err
}
