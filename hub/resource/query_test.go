package resource

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestReadQuery(t *testing.T) {
	q, err := readQuery("API-Version=2026-01-01-Preview&$top=9999&$Filter=x%20eq%20'y'")
	if err != nil || q.version != "2026-01-01-preview" || q.top != pageSize || q.filter != "x eq 'y'" {
		t.Errorf("%+v, %v", q, err)
	}
	for _, bad := range []string{"a=%zz", "$top=-1", "$top=x", "$top=", "$skiptoken=%21", "$filter=" + strings.Repeat("x", maxFilter+1)} {
		if _, err := readQuery(bad); fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("%q: %v, want Invalid", bad, err)
		}
	}
}

// Whatever was understood can be written into a nextLink and is understood the same again.
func FuzzReadQuery(f *testing.F) {
	for _, seed := range []string{"", "api-version=2024-01-01", "$top=5&$skiptoken=YQ", "$filter=a%20eq%20'b'", "a=b;c=d", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := readQuery(raw)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.Invalid {
				t.Fatalf("%v is not an Invalid error", err)
			}
			return
		}
		if q.top < 1 || q.top > pageSize || len(q.filter) > maxFilter {
			t.Fatalf("out of bounds: %+v", q)
		}
		again, err := readQuery(q.next(q.after, q.top))
		if err != nil || again != q {
			t.Fatalf("%+v, %v, want %+v", again, err, q)
		}
	})
}

func TestVersionsAreCompared(t *testing.T) {
	kind := &Type{Name: "Contoso.Ships/anchors", APIVersions: []string{"2026-01-01"}, Locations: []string{"local"}}
	for raw, code := range map[string]string{
		"": "MissingApiVersionParameter", "api-version=x": "InvalidApiVersionParameter", "api-version=2026-01-02": "NoRegisteredProviderFound",
		"api-version=" + url.QueryEscape("2026-01-01\n"): "InvalidApiVersionParameter",
	} {
		q, err := readQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := fairlead.CodeOf(q.checkVersion(kind)); got != code {
			t.Errorf("%q: %s, want %s", raw, got, code)
		}
	}
	if err := (query{}).checkVersion(&Type{}); err != nil {
		t.Errorf("a type without versions asks for one: %v", err)
	}
}
