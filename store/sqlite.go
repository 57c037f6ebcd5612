package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"modernc.org/sqlite"

	"github.com/fairlead/fairlead"
)

// readers is how many SQLite connections may read beside the one that writes.
const readers = 4

const (
	busyPatience = 10 * time.Second // for a lock that another connection holds
	busyPause    = 5 * time.Millisecond
)

// Low bytes of SQLite's result codes, https://sqlite.org/rescode.html.
const (
	codeBusy     = 5
	codeReadOnly = 8
	codeIOError  = 10
	codeCorrupt  = 11 // of a disk that went away, too: pages are missing
	codeFull     = 13
	codeCantOpen = 14
)

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
		alone:   true,
	}, nil
}

func openPool(path string, size int, pragmas ...string) *sql.DB {
	return openPoolWith(path, url.Values{"_txlock": {"immediate"}}, size, pragmas...)
}

func openPoolWith(path string, query url.Values, size int, pragmas ...string) *sql.DB {
	query["_pragma"] = append([]string{fmt.Sprintf("busy_timeout(%d)", busyPatience.Milliseconds()), "foreign_keys(1)", "temp_store(MEMORY)"}, pragmas...)
	source := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", source.String())
	if err != nil {
		panic("store: the sqlite driver is not registered") // an import of this file registers it
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool
}

// persist repeats what SQLite refuses without having waited: while one connection turns a file
// to WAL, or the last one to close it tidies up, others get SQLITE_BUSY at once, whatever their
// busy_timeout (https://sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
func (db *DB) persist(ctx context.Context, do func(context.Context) error) error {
	deadline := time.Now().Add(busyPatience)
	for {
		err := do(ctx)
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(busyPause):
		}
	}
}

func isBusy(err error) bool { return sqliteCode(err) == codeBusy }

// sqliteCode returns the low byte of SQLite's result code, 0 for other errors.
func sqliteCode(err error) int {
	if refused, ok := errors.AsType[*sqlite.Error](err); ok {
		return refused.Code() & 0xff
	}
	return 0
}

// diskFault says in words that the disk is at fault, when it is. The next request may succeed.
func diskFault(err error) error {
	if _, said := errors.AsType[*fairlead.Error](err); said {
		return err
	}
	switch sqliteCode(err) {
	case codeFull:
		return fairlead.Errorf(fairlead.Unavailable, "the hub's disk is full: nothing was written; make room there, and try again (%w)", err).WithCode("InsufficientStorage")
	case codeReadOnly, codeIOError, codeCorrupt, codeCantOpen:
		return fairlead.Errorf(fairlead.Unavailable, "the hub's disk cannot be read or written: nothing was changed; mend the disk, and try again (%w)", err).WithCode("StorageUnavailable")
	}
	return err
}

// abandon ends a transaction whose commit has failed. SQLite keeps it open when the disk was full, and
// the one connection that writes would be of no more use.
func (db *DB) abandon(ctx context.Context) {
	if db.postgres == nil {
		_, _ = db.write.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // an error says that there is nothing to end
	}
}

// Inspect reads a SQLite file from end to end, without changing it, and says what is wrong with it.
// A hub may be using the file.
func Inspect(ctx context.Context, path string) error {
	pool := openPool(path, 1, "query_only(1)")
	defer func() { _ = pool.Close() }() // nothing was written
	var found string
	if err := pool.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return fmt.Errorf("read database %s: %w", path, err)
	}
	if found != "ok" {
		return fairlead.Errorf(fairlead.Internal, "database %s is damaged: %.200s", path, found)
	}
	return nil
}
