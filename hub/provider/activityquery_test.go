package provider

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Whatever is understood is bounded, and the next page asks the same from another place.
func FuzzReadActivityQuery(f *testing.F) {
	for _, seed := range []string{
		"", "$filter=eventTimestamp%20ge%20'2026-01-01T00:00:00Z'%20and%20resourceGroupName%20eq%20'g'", "$top=5&$select=caller,status",
		"$skiptoken=MTc2NC9h", "api-version=2015-04-01", "$filter=a", "%", "$TOP=0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		query, err := readActivityQuery(raw)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.Invalid {
				t.Fatal(err)
			}
			return
		}
		if query.Limit < 1 || query.Limit > maxActivityTop || len(query.fields) > 64 {
			t.Fatalf("out of bounds: %+v", query)
		}
		last := store.Activity{ID: uuid.NewString(), At: time.UnixMicro(1764000000000001).UTC()}
		again, err := readActivityQuery(query.next(last))
		if err != nil || again.Before != (store.ActivityMark{At: last.At, ID: last.ID}) || again.Limit != query.Limit || !again.Since.Equal(query.Since) ||
			again.ResourceGroup != query.ResourceGroup || len(again.filter.Terms()) != len(query.filter.Terms()) {
			t.Fatalf("%+v, %v, want %+v", again, err, query)
		}
		if _, err := url.ParseQuery(query.next(last)); err != nil {
			t.Fatal(err)
		}
	})
}
