package store_test

import (
	"context"
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

var update = flag.Bool("update", false, "write the golden schema anew")

// The schema that all migrations together make. When this fails after a release, write a new
// migration instead of changing an old one.
func TestSchemaIsGolden(t *testing.T) {
	file := filepath.Join(t.TempDir(), "store.db")
	if err := open(t, "sqlite:"+file).Close(); err != nil {
		t.Fatal(err)
	}
	got := schemaOf(t, file)
	const golden = "testdata/schema.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%v; the schema is now:\n%s", err, got)
	}
}

func schemaOf(t *testing.T, file string) string {
	t.Helper()
	db := raw(t, file)
	rows, err := db.QueryContext(t.Context(), `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all strings.Builder
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		all.WriteString(statement + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func raw(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestForeignSchemasAreRefused(t *testing.T) {
	for reason, statement := range map[string]string{
		"a newer version's":   `INSERT INTO migrations (name, digest) VALUES ('9999_future.sql', 'x')`,
		"another build's":     `UPDATE migrations SET digest = 'x'`,
		"one that lost track": `UPDATE migrations SET name = 'other' WHERE name = '0001_state.sql'`,
	} {
		t.Run(reason, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "store.db")
			if err := open(t, "sqlite:"+file).Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := raw(t, file).ExecContext(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(t.Context(), "sqlite:"+file)
			if err == nil {
				_ = db.Close()
				t.Fatal("opened")
			}
			if reason != "one that lost track" && fairlead.KindOf(err) != fairlead.Conflict {
				t.Errorf("%v, want a Conflict", err)
			}
		})
	}
}
