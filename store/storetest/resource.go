package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func document(key string) store.Resource {
	return store.Resource{Key: key, ID: strings.ToUpper(key), Type: "ns/type", Name: "Name", Body: []byte(`{"b": 1,"a":"ä"}`), UpdatedBy: "someone"}
}

func put(t *testing.T, db *store.DB, r store.Resource) store.Resource {
	t.Helper()
	stored, err := db.PutResource(t.Context(), r, store.AnyState)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func testPing(t *testing.T, db *store.DB) {
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func testPutAndGet(t *testing.T, db *store.DB) {
	_, err := db.GetResource(t.Context(), "/a")
	wantKind(t, "get nothing", fairlead.KindOf(err), fairlead.NotFound)
	wanted := document("/a")
	wanted.Subscription, wanted.ResourceGroup, wanted.Subject = "s", "g", "p"
	wanted.UpdatedAt = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)
	first := put(t, db, wanted)
	if first.CreatedAt != wanted.UpdatedAt || first.CreatedBy != "someone" || first.ETag == "" || string(first.Body) != string(wanted.Body) {
		t.Errorf("created %+v", first)
	}
	changed := wanted
	changed.Body, changed.UpdatedBy, changed.ID, changed.Subject = []byte(`{}`), "other", "/a", ""
	changed.UpdatedAt = wanted.UpdatedAt.Add(time.Hour)
	second := put(t, db, changed)
	got, err := db.GetResource(t.Context(), "/a")
	if err != nil || fmt.Sprint(got) != fmt.Sprint(second) {
		t.Errorf("got %+v, %v, want %+v", got, err, second)
	}
	if got.CreatedAt != first.CreatedAt || got.CreatedBy != "someone" || got.UpdatedBy != "other" || got.ID != first.ID || got.Subject != "" {
		t.Errorf("replaced %+v", got)
	}
	if got.ETag == first.ETag || got.Revision <= first.Revision || got.UpdatedAt != changed.UpdatedAt {
		t.Errorf("etag, revision and time must move on: %+v, %+v", first, got)
	}
}

func testConditions(t *testing.T, db *store.DB) {
	attempt := func(what string, condition store.Condition, want fairlead.Kind) {
		t.Helper()
		_, err := db.PutResource(t.Context(), document("/a"), condition)
		if err == nil {
			t.Errorf("%s: done, want refused", what)
		}
		wantKind(t, what, fairlead.KindOf(err), want)
	}
	attempt("present before it exists", store.MustBePresent, fairlead.PreconditionFailed)
	attempt("etag before it exists", store.MatchETag("1"), fairlead.PreconditionFailed)
	if _, err := db.GetResource(t.Context(), "/a"); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("a refused write has left something: %v", err)
	}
	first, err := db.PutResource(t.Context(), document("/a"), store.MustBeAbsent)
	if err != nil {
		t.Fatal(err)
	}
	attempt("absent when it exists", store.MustBeAbsent, fairlead.Conflict)
	if _, err := db.PutResource(t.Context(), document("/a"), store.MatchETag(first.ETag)); err != nil {
		t.Error(err)
	}
	attempt("an old etag", store.MatchETag(first.ETag), fairlead.PreconditionFailed)
	if _, err := db.PutResource(t.Context(), document("/a"), store.MustBePresent); err != nil {
		t.Error(err)
	}
}

func testRefusedDocuments(t *testing.T, db *store.DB) {
	huge := []byte(`"` + strings.Repeat("x", store.MaxDocument) + `"`)
	for what, c := range map[string]struct {
		change func(*store.Resource)
		want   fairlead.Kind
	}{
		"no key":   {func(r *store.Resource) { r.Key = "" }, fairlead.Invalid},
		"long key": {func(r *store.Resource) { r.Key = strings.Repeat("k", 4096) }, fairlead.Invalid},
		"no JSON":  {func(r *store.Resource) { r.Body = []byte("{") }, fairlead.Invalid},
		"no body":  {func(r *store.Resource) { r.Body = nil }, fairlead.Invalid},
		"too big":  {func(r *store.Resource) { r.Body = huge }, fairlead.TooLarge},
	} {
		r := document("/a")
		c.change(&r)
		_, err := db.PutResource(t.Context(), r, store.AnyState)
		wantKind(t, what, fairlead.KindOf(err), c.want)
		_, err = db.PutResourceWithOperation(t.Context(), r, store.AnyState, store.Operation{ID: "op"})
		wantKind(t, what, fairlead.KindOf(err), c.want)
	}
	biggest := document("/b")
	biggest.Body = huge[2:]
	biggest.Body[0] = '"'
	if got := put(t, db, biggest); len(got.Body) != len(biggest.Body) {
		t.Errorf("%d bytes came back of %d", len(got.Body), len(biggest.Body))
	}
}

func testParents(t *testing.T, db *store.DB) {
	child := document("/a/b")
	child.Parent = "/a"
	_, err := db.PutResource(t.Context(), child, store.AnyState)
	wantKind(t, "without its parent", fairlead.KindOf(err), fairlead.NotFound)
	put(t, db, document("/a"))
	put(t, db, child)
	err = db.DeleteResource(t.Context(), "/a", store.NothingBelow)
	wantKind(t, "with a child", fairlead.KindOf(err), fairlead.Conflict)
	put(t, db, document("/a-2")) // sorts between /a and /a/b, and is not below
	for _, key := range []string{"/a/b", "/a"} {
		if err := db.DeleteResource(t.Context(), key, store.NothingBelow); err != nil {
			t.Error(err)
		}
	}
}

func testDelete(t *testing.T, db *store.DB) {
	err := db.DeleteResource(t.Context(), "/a", store.AnyState)
	wantKind(t, "delete nothing", fairlead.KindOf(err), fairlead.NotFound)
	first := put(t, db, document("/a"))
	second := put(t, db, document("/a"))
	err = db.DeleteResource(t.Context(), "/a", store.MatchETag(first.ETag))
	wantKind(t, "an old etag", fairlead.KindOf(err), fairlead.PreconditionFailed)
	if err := db.DeleteResource(t.Context(), "/a", store.MatchETag(second.ETag)); err != nil {
		t.Error(err)
	}
	if again := put(t, db, document("/a")); again.ETag == first.ETag || again.ETag == second.ETag {
		t.Error("an etag came back")
	}
}

func keys(found []store.Resource) string {
	all := make([]string, len(found))
	for i, r := range found {
		all[i] = r.Key
	}
	return strings.Join(all, " ")
}

func testList(t *testing.T, db *store.DB) {
	for _, key := range []string{"/s/g/b", "/s/g/a", "/s/h/a", "/t/g/a", "/s/g"} {
		r := document(key)
		parts := strings.Split(key, "/")
		r.Subscription, r.ResourceGroup, r.Subject = parts[1], parts[2], "p-"+parts[2]
		if len(parts) == 3 {
			r.Type = "ns/group"
		}
		put(t, db, r)
	}
	for want, query := range map[string]store.Query{
		"/s/g /s/g/a /s/g/b /s/h/a /t/g/a": {},
		"/s/g/a /s/g/b /s/h/a /t/g/a":      {Type: "ns/type"},
		"/s/g/a /s/g/b /s/h/a":             {Type: "ns/type", Subscription: "s"},
		"/s/g/a /s/g/b":                    {Prefix: "/s/g/"},
		"/s/g /s/g/a /s/g/b":               {Prefix: "/s/g"},
		"/s/g/b /s/h/a":                    {Prefix: "/s/", After: "/s/g/a"},
		"/t/g/a":                           {Prefix: "/t/", After: "/s/g/b"},
		"/s/h/a":                           {Subject: "p-h"},
		"/s/g/b":                           {Type: "ns/type", Subscription: "s", ResourceGroup: "g", After: "/s/g/a"},
		"/s/g/a":                           {Type: "ns/type", Limit: 1},
		"":                                 {Type: "ns/typ"},
	} {
		found, err := db.ListResources(t.Context(), query)
		if got := keys(found); err != nil || got != want {
			t.Errorf("%+v: %q, %v, want %q", query, got, err, want)
		}
	}
}

func testPages(t *testing.T, db *store.DB) {
	for i := range 25 {
		put(t, db, document(fmt.Sprintf("/r%02d", i)))
	}
	var all []store.Resource
	for query := (store.Query{Limit: 10}); ; {
		found, err := db.ListResources(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
		if len(found) < query.Limit {
			break
		}
		query.After = found[len(found)-1].Key
	}
	if len(all) != 25 || !slices.IsSortedFunc(all, func(a, b store.Resource) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("%s", keys(all))
	}
}

// Keys sort by bytes, whatever the database's language is: paging and prefixes depend on it.
func testByteOrder(t *testing.T, db *store.DB) {
	for _, key := range []string{"/a_", "/a/", "/a-", "/a.", "/a0", "/az", "/a(", "/B"} {
		put(t, db, document(key))
	}
	found, err := db.ListResources(t.Context(), store.Query{})
	if got := keys(found); err != nil || got != "/B /a( /a- /a. /a/ /a0 /a_ /az" {
		t.Errorf("%q, %v", got, err)
	}
}

func testRevisions(t *testing.T, db *store.DB) {
	last := int64(0)
	for i := range 10 {
		stored := put(t, db, document(fmt.Sprintf("/%d", i%3)))
		if stored.Revision <= last {
			t.Fatalf("revision %d after %d", stored.Revision, last)
		}
		last = stored.Revision
	}
}

// race runs n writers and returns how many were told that they had succeeded.
func race(t *testing.T, n int, write func(i int) error, refused ...fairlead.Kind) int {
	t.Helper()
	var writers sync.WaitGroup
	results := make([]error, n)
	for i := range n {
		writers.Go(func() { results[i] = write(i) })
	}
	writers.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !slices.Contains(refused, fairlead.KindOf(err)):
			t.Errorf("refused for another reason: %v", err)
		}
	}
	return won
}

func testOneOfManyCreates(t *testing.T, db *store.DB) {
	won := race(t, 8, func(int) error {
		_, err := db.PutResource(t.Context(), document("/a"), store.MustBeAbsent)
		return err
	}, fairlead.Conflict)
	wantKind(t, "creators", won, 1)
}

func testOneOfManyMatchesETag(t *testing.T, db *store.DB) {
	first := put(t, db, document("/a"))
	won := race(t, 8, func(int) error {
		_, err := db.PutResource(t.Context(), document("/a"), store.MatchETag(first.ETag))
		return err
	}, fairlead.PreconditionFailed)
	wantKind(t, "writers", won, 1)
}

// While one writes, others read: every read is of one write, body and etag alike.
func testReadersSeeWholeWrites(t *testing.T, db *store.DB) {
	tagged := func(i int) store.Resource {
		r := document("/a")
		r.UpdatedBy = fmt.Sprint(i)
		r.Body = fmt.Appendf(nil, `{"by":"%d"}`, i)
		return r
	}
	put(t, db, tagged(0))
	won := race(t, 6, func(i int) error {
		for range 10 {
			if i%2 == 0 {
				put(t, db, tagged(i))
				continue
			}
			got, err := db.GetResource(t.Context(), "/a")
			if err != nil {
				return err
			}
			if string(got.Body) != `{"by":"`+got.UpdatedBy+`"}` {
				t.Errorf("torn: %s by %s", got.Body, got.UpdatedBy)
			}
		}
		return nil
	})
	wantKind(t, "undisturbed", won, 6)
}
