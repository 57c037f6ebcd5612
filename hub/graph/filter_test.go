package graph

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead/fairlead/store"
)

func TestFilters(t *testing.T) {
	cases := map[string]struct {
		text string
		want *store.PrincipalQuery
	}{
		"None":        {"", &store.PrincipalQuery{}},
		"AppID":       {"appId eq 'X1'", &store.PrincipalQuery{AppID: "x1"}},
		"AzSearchSP":  {"servicePrincipalNames/any(c:c eq 'X1')", &store.PrincipalQuery{AppID: "x1"}},
		"AzSearchApp": {"identifierUris/any(s:s eq 'api://x')", &store.PrincipalQuery{ObjectIDs: []string{""}}},
		"Both":        {"userPrincipalName eq 'Ana@x' and startswith(displayName,'A')", &store.PrincipalQuery{UserName: "Ana@x", DisplayPrefix: "A"}},
		"QuotesTwice": {"displayName eq 'o''clock and mail eq ''x'''", &store.PrincipalQuery{DisplayName: "o'clock and mail eq 'x'"}},
		"Empty":       {"mail eq ''", &store.PrincipalQuery{ObjectIDs: []string{""}}},
		"Spaces":      {"  id   eq 'G'  ", &store.PrincipalQuery{ObjectIDs: []string{"g"}}},
		"Or":          {"mail eq 'x' or mail eq 'y'", nil},
		"TwoValues":   {"mail eq 'x' and mail eq 'y'", nil},
		"Dangling":    {"mail eq 'x' and ", nil},
		"NotEqual":    {"mail ne 'x'", nil},
		"Unknown":     {"owner eq 'x'", nil},
		"Unbalanced":  {"mail eq 'x''", nil},
		"NUL":         {"mail eq '\x00'", nil},
		"Security":    {"securityEnabled eq true", nil}, // users have no such property
	}
	for name, c := range cases {
		var got store.PrincipalQuery
		err := parseFilter(c.text, &got)
		if (err == nil) != (c.want != nil) || c.want != nil && !cmp.Equal(got, *c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// Whatever is accepted asks for values that stand in the filter between quotes, and never for everybody.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		"", "appId eq 'x'", "displayName eq 'o''clock'", "id eq '", "a eq 'b' or c eq 'd'", "mail eq ''",
		"startswith(displayName,'x') and mail eq 'y'", "servicePrincipalNames/any(c:c eq 'x')", "userPrincipalName eq 'a@b'",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var q store.PrincipalQuery
		if err := parseFilter(text, &q); err != nil || strings.TrimSpace(text) == "" {
			return
		}
		asked := append([]string{q.AppID, q.DisplayName, q.DisplayPrefix, q.UserName, q.Mail}, q.ObjectIDs...)
		for _, value := range asked {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(strings.ReplaceAll(value, "'", "''"))) || !utf8.ValidString(value) {
				t.Errorf("%q was understood as %q", text, value)
			}
		}
		if strings.Join(asked, "") == "" && q.ObjectIDs == nil {
			t.Errorf("%q asks for everybody", text)
		}
	})
}
