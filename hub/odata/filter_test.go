package odata_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/odata"
)

func TestMatch(t *testing.T) {
	ship := map[string]string{"name": "Maria's tug", "location": "local", "crew/captain": "ana"}
	for text, want := range map[string]bool{
		"":                          true,
		"  ":                        true,
		"name eq 'maria''s TUG'":    true,
		"name ne 'x'":               true,
		"NAME EQ 'x'":               false,
		"location eq local":         true,
		"crew/captain eq 'ana'":     true,
		"startswith(name, 'maria')": true,
		"startswith(name,'maria') eq true and location ne 'x'": true,
		"substringof('tug', name)":                             true,
		"contains(name,'boat')":                                false,
		"endswith(name,'tug')":                                 true,
		"name eq 'x' or location eq 'local'":                   true,
		"name eq 'x' or location eq 'local' and name eq 'y'":   false,
		"(name eq 'x' or location eq 'local') and name ne 'y'": true,
		"not (name eq 'x')":                                    true,
		"not name eq 'x' and not location eq 'local'":          false,
		"location ge 'a' and location lt 'm'":                  true,
	} {
		filter, err := odata.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := filter.Match(func(term odata.Term) bool { return term.Text(ship[term.Name]) }); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}

func TestRefusedFilters(t *testing.T) {
	for text, reason := range map[string]string{
		"x": "a name alone", "a eq": "no value", "a eq 'b": "an open quote", "a like 'b'": "an unknown operator", "a eq 'b' c eq 'd'": "no join",
		" and ": "nothing joined", "a eq 'b' and": "half a join", "(a eq 'b'": "an open parenthesis", "a eq 'b')": "one too many",
		"startswith('x','y')": "no property", "startswith(x)": "no text", "f('x','y')": "two arguments", "f(x)": "a bare argument", "f() eq false": "a denied function",
		"a eq 'b\x00'": "a control character", "a eq '\xff'": "no text", "a eq (": "a mark for a value", "'a' eq 'b'": "a text for a name", "a eq 'b';": "a stray mark",
		strings.Repeat("(", 30) + "a eq b" + strings.Repeat(")", 30): "too deep",
		strings.Repeat("not ", 30) + "a eq b":                        "too many denials",
		strings.Repeat("a eq b and ", 70) + "a eq b":                 "too many terms",
		"a eq '" + strings.Repeat("x", odata.MaxLength) + "'":        "too long",
	} {
		if _, err := odata.Parse(text); fairlead.CodeOf(err) != "InvalidFilterInQueryString" {
			t.Errorf("%s: %v, want it refused", reason, err)
		}
	}
}

func TestRequired(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                  nil,
		"a eq 'b'":                          {"a"},
		"a eq 'b' and (c eq 'd' and f())":   {"a", "c", "f"},
		"a eq 'b' and (c eq 'd' or e eq f)": {"a"},
		"a eq 'b' or c eq 'd'":              nil,
		"not a eq 'b'":                      nil,
	} {
		filter, err := odata.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, term := range filter.Required() {
			names = append(names, term.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%q: %v, want %v", text, names, want)
		}
	}
}

func TestTimes(t *testing.T) {
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]bool{
		"at ge '2026-11-26T12:00:00Z'":      true,
		"at gt 2026-11-26T12:00:00.0000Z":   false,
		"at le 2026-11-26T14:00:00+02:00":   true,
		"at lt '2026-11-26'":                false,
		"at ge '2026-11-26t11:59:59.1z'":    true,
		"at ge 2026-11-26T11:00:00.1234567": true,
		"at ge 'yesterday'":                 false,
		"startswith(at,'2026')":             false,
	} {
		filter, err := odata.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := filter.Match(func(term odata.Term) bool { return term.Time(noon) }); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}

// Whatever is read is bounded, and asking it never fails.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a eq 'b'", "tagName eq 'x' and tagValue eq 'y''s'", "not (a ne 1 or substringof('x',b))", "atScope() and assignedTo('x')",
		"eventTimestamp ge '2026-01-01T00:00:00Z'", "((", "'", "a eq ''", "not not a()", "or",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := odata.Parse(text)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.Invalid {
				t.Fatal(err)
			}
			return
		}
		all, required := filter.Terms(), filter.Required()
		if len(all) > 64 || len(required) > len(all) {
			t.Fatalf("%d terms, %d required", len(all), len(required))
		}
		for _, term := range all {
			if term.Name == "" || term.Name != strings.ToLower(term.Name) {
				t.Fatalf("%q became %+v", text, term)
			}
		}
		passes := filter.Match(func(term odata.Term) bool { return term.Text("x") || term.Time(time.Time{}) })
		if passes != filter.Match(func(term odata.Term) bool { return term.Text("x") || term.Time(time.Time{}) }) {
			t.Fatal("two answers to one question")
		}
	})
}
