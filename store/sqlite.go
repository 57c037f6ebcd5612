package store

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// readers is how many SQLite connections may read beside the one that writes.
const readers = 4

// openSQLite gives SQLite one writing connection, so that writers queue in Go, where waiting
// honours contexts, instead of in SQLite's busy loop. With synchronous=FULL each commit syncs the log.
// Nobody but the hub's own user may read the file; SQLite gives the log beside it the same mode.
func openSQLite(path string) (*DB, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the administrator names it
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{
		write:   openPool(path, 1, "journal_mode(WAL)", "synchronous(FULL)"),
		read:    openPool(path, readers, "query_only(1)"),
		dialect: dialect{name: "sqlite", collate: "BINARY"},
	}, nil
}

func openPool(path string, size int, pragmas ...string) *sql.DB {
	query := url.Values{
		"_pragma": append([]string{"busy_timeout(10000)", "foreign_keys(1)", "temp_store(MEMORY)"}, pragmas...),
		"_txlock": {"immediate"},
	}
	source := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", source.String())
	if err != nil {
		panic("store: the sqlite driver is not registered") // an import of this file registers it
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool
}
