package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// SQLite seeks to the first of two lower bounds and looks at every row up to the second: with one on the empty key before it, a question
// for what is below one of ten thousand clusters read five thousand of them.
func TestAQueryHasOneLowerBound(t *testing.T) {
	for _, q := range []Query{{}, {After: "/a"}, {Prefix: "/a/"}, {Prefix: "/a/", After: "/a/b"}, {Prefix: "/a/", After: "/"}} {
		text, args := q.statement()
		if strings.Count(text, "key >") != 1 || args[0] != max(q.After, q.Prefix) {
			t.Errorf("%+v: %s %v", q, text, args)
		}
	}
}

// BenchmarkBelow compares asking for what is below the last of many clusters with reading that cluster.
func BenchmarkBelow(b *testing.B) {
	db, err := Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "hub.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	const clusters = 2000
	last := ""
	for i := range clusters {
		last = fmt.Sprintf("/clusters/%05d", i)
		if _, err := db.PutResource(b.Context(), Resource{Key: last, ID: last, Body: []byte(`{}`)}, AnyState); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.GetResource(b.Context(), last); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("below", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.ListResources(b.Context(), Query{Prefix: last + "/"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
