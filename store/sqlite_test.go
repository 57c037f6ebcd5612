package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesAreTheHubsAlone(t *testing.T) {
	folder := t.TempDir()
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(folder, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

func TestOpenSaysWhatIsWrongWithTheFile(t *testing.T) {
	folder := t.TempDir()
	other := filepath.Join(folder, "other")
	if err := os.WriteFile(other, []byte("this is no database, and long enough for SQLite to see that at its first page"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{other: "not a database", filepath.Join(folder, "absent", "store.db"): "no such file"} {
		db, err := Open(t.Context(), "sqlite:"+path)
		if err == nil {
			_ = db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// SQLite keeps these per connection, and the safety of every write hangs on them.
func TestPragmas(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		if err := db.write.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
		}
	}
	if _, err := db.read.ExecContext(t.Context(), `DELETE FROM resources`); err == nil {
		t.Error("a reading connection can write")
	}
}

// A cluster is looked for by its key with each registration: reading all of them would make ten thousand cost a hundred
// times what one thousand do.
func TestSubjectsAreFoundByTheirIndex(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for name, q := range map[string]Query{
		"Key":      {Subject: "s", Limit: 100},
		"Next":     {Subject: "s", After: "k", Limit: 100},
		"WithType": {Subject: "s", Type: "t"},
	} {
		statement, args := q.statement()
		plan, err := many(t.Context(), db.read, func(row scanner) (string, error) {
			var id, parent, unused int
			var step string
			return step, row.Scan(&id, &parent, &unused, &step)
		}, `EXPLAIN QUERY PLAN `+statement, args...)
		if err != nil || len(plan) == 0 || !strings.Contains(plan[0], "resources_by_subject") {
			t.Errorf("%s: %v, %v", name, plan, err)
		}
	}
}
