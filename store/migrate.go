package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
)

// Migrations are applied in the order of their names and never edited after a release. They are
// written for both databases; COLLATE BINARY stands for the byte-wise collation of either.
//
//go:embed migrations/*.sql
var migrations embed.FS

type migration struct{ name, statements, digest string }

func (db *DB) migrate(ctx context.Context) error {
	all, err := readMigrations()
	if err != nil {
		return err
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := db.bringUp(ctx, tx, all); err != nil {
		return err
	}
	return tx.Commit()
}

func readMigrations() ([]migration, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	all := make([]migration, 0, len(entries))
	for _, entry := range entries {
		text, err := migrations.ReadFile("migrations/" + entry.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{entry.Name(), string(text), hex.EncodeToString(sum[:])})
	}
	return all, nil
}

func (db *DB) bringUp(ctx context.Context, tx *sql.Tx, all []migration) error {
	if db.dialect.lock != "" {
		if _, err := tx.ExecContext(ctx, db.dialect.lock); err != nil {
			return err
		}
	}
	const journal = `CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL)`
	if _, err := tx.ExecContext(ctx, journal); err != nil {
		return err
	}
	if err := refuseNewer(ctx, tx, len(all)); err != nil {
		return err
	}
	for _, step := range all {
		if err := db.apply(ctx, tx, step); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
	}
	return nil
}

func refuseNewer(ctx context.Context, tx *sql.Tx, known int) error {
	var applied int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM migrations`).Scan(&applied); err != nil {
		return err
	}
	if applied > known {
		return fairlead.Errorf(fairlead.Conflict, "the database was made by a newer version of fairlead; run that version or restore a backup")
	}
	return nil
}

func (db *DB) apply(ctx context.Context, tx *sql.Tx, step migration) error {
	var digest string
	err := tx.QueryRowContext(ctx, `SELECT digest FROM migrations WHERE name = $1`, step.name).Scan(&digest)
	switch {
	case err == nil && digest == step.digest:
		return nil
	case err == nil:
		return fairlead.Errorf(fairlead.Conflict, "the database was made by another build: this migration has changed since")
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	statements := strings.ReplaceAll(step.statements, "COLLATE BINARY", "COLLATE "+db.dialect.collate)
	if _, err := tx.ExecContext(ctx, statements); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO migrations (name, digest) VALUES ($1, $2)`, step.name, step.digest)
	return err
}
