// Package store keeps the hub's state in SQL: resources as JSON documents, operations, presence,
// principals, sealed secrets and the certificate journal. The same statements run on SQLite and on
// PostgreSQL. It knows keys, etags and revisions, but not what any document means, nor who may
// read it.
//
// Times are stored as microseconds since 1970 in BIGINT columns, 0 for the zero time: the two
// databases and their drivers disagree about every richer form.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/fairlead/fairlead"
)

// MaxDocument is the largest document that the store accepts, in bytes.
const MaxDocument = 1 << 20

// maxKey bounds keys and names; Azure's own limit for resource ids is lower.
const maxKey = 2048

// DB is an open store. Its methods may be called concurrently, honour their contexts, and return
// fairlead.Error for what a caller can act on. A write that has returned nil survives the death
// of the process and of the machine.
type DB struct {
	read    *sql.DB
	write   *sql.DB
	dialect dialect
	watch   watchers
	alone   bool // nobody else writes to the database
	revised revised

	postgres *pgx.ConnConfig // nil on SQLite
	stop     func()
}

// dialect is the little in which the two databases differ.
type dialect struct {
	name    string
	collate string // compares keys byte by byte
	notify  string // tells other processes which key changed; empty when there are none
	lock    string // serialises migrations; empty when the transaction does that already
}

// Open opens the database that dsn names, "sqlite:/dir/file.db" or "postgres://…", and brings its
// schema up to date. It refuses a schema that a newer version has made.
func Open(ctx context.Context, dsn string) (*DB, error) {
	scheme, rest, found := strings.Cut(dsn, ":")
	switch {
	case found && scheme == "sqlite" && rest != "":
		db, err := openSQLite(rest)
		if err != nil {
			return nil, err
		}
		return prepared(ctx, db)
	case scheme == "postgres" || scheme == "postgresql":
		db, err := openPostgres(dsn)
		if err != nil {
			return nil, err
		}
		return prepared(ctx, db)
	default:
		return nil, fairlead.Errorf(fairlead.Invalid, `a database is "sqlite:/dir/file.db" or "postgres://…"`)
	}
}

func prepared(ctx context.Context, db *DB) (*DB, error) {
	if err := db.persist(ctx, db.migrate); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("prepare database: %w", err)
	}
	if err := db.listen(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("listen for changes: %w", err)
	}
	return db, nil
}

// Close waits for what is running and releases the database.
func (db *DB) Close() error {
	if db.stop != nil {
		db.stop()
	}
	var err error
	for _, pool := range []*sql.DB{db.write, db.read} {
		if closed := pool.Close(); err == nil {
			err = closed
		}
	}
	return err
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ping database: %w", diskFault(err))
	}
	return nil
}
