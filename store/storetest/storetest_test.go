package storetest_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/fairlead/fairlead/store"
	"github.com/fairlead/fairlead/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Suite{DSN: storetest.SQLite}.Run(t)
}

// FAIRLEAD_TEST_POSTGRES is the URL of a database in which the test may make schemas.
func TestPostgreSQL(t *testing.T) {
	dsn := os.Getenv("FAIRLEAD_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("FAIRLEAD_TEST_POSTGRES is not set")
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	storetest.Suite{DSN: func(t *testing.T) string { return schema(t, conn, dsn) }}.Run(t)
	t.Run("ListenerReturns", func(t *testing.T) { testListenerReturns(t, conn, schema(t, conn, dsn)) })
}

// When the connection that hears of changes is cut, subscribers are told that they may have missed
// some, and hear of the next ones.
func testListenerReturns(t *testing.T, conn *pgx.Conn, dsn string) {
	one, two := storetest.Open(t, dsn), storetest.Open(t, dsn)
	changed, cancel := one.Subscribe("/a")
	defer cancel()
	if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN fairlead%'`); err != nil {
		t.Fatal(err)
	}
	await(t, changed)
	if _, err := two.PutResource(t.Context(), store.Resource{Key: "/a", Body: []byte(`{}`)}, store.AnyState); err != nil {
		t.Fatal(err)
	}
	await(t, changed)
}

func await(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
}

func schema(t *testing.T, conn *pgx.Conn, dsn string) string {
	t.Helper()
	name := "fairlead_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(context.Background(), "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return storetest.InSchema(t, dsn, name)
}
