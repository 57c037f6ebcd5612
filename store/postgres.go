package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/fairlead/fairlead"
)

const (
	channel     = "fairlead_changed"
	poolSize    = 16
	dialTimeout = 10 * time.Second
	listenAgain = time.Second
)

// openPostgres does not connect yet. The parse error is withheld: it may quote the password.
func openPostgres(dsn string) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the PostgreSQL address cannot be read")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = dialTimeout
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(poolSize)
	pool.SetMaxIdleConns(poolSize)
	return &DB{read: pool, write: pool, postgres: config, dialect: dialect{
		name: "postgres", collate: `"C"`, notify: `SELECT pg_notify('` + channel + `', $1)`,
		lock: `SELECT pg_advisory_xact_lock(7036874417766)`,
	}}, nil
}

// listen follows the changes that any process commits to PostgreSQL, until Close.
func (db *DB) listen(ctx context.Context) error {
	if db.postgres == nil {
		return nil
	}
	conn, err := db.dialListener(ctx)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.follow(running, conn)
	}()
	db.stop = func() { cancel(); <-done }
	return nil
}

func (db *DB) dialListener(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, db.postgres.Copy())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// follow announces what conn hears and replaces conn when it breaks. Whatever was missed in
// between may concern anyone.
func (db *DB) follow(ctx context.Context, conn *pgx.Conn) {
	for ctx.Err() == nil {
		db.hear(ctx, conn)
		if conn = db.reconnect(ctx); conn == nil {
			return
		}
		db.watch.announceAll()
	}
}

func (db *DB) hear(ctx context.Context, conn *pgx.Conn) {
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return
		}
		db.watch.announce(notification.Payload)
	}
}

func (db *DB) reconnect(ctx context.Context) *pgx.Conn {
	for ctx.Err() == nil {
		conn, err := db.dialListener(ctx)
		if err == nil {
			return conn
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
	return nil
}
