package graph

import (
	"strings"
	"testing"
)

func FuzzFilter(f *testing.F) {
	for _, text := range []string{"", "appId eq 'x'", "displayName eq 'o''clock'", "id eq '", "a eq 'b' or c eq 'd'"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			return
		}
		if text == "" {
			return
		}
		// Whatever is accepted compares one property with exactly what stands between the quotes.
		if parsed.property == nil || !strings.Contains(text, strings.ReplaceAll(parsed.value, "'", "''")) {
			t.Errorf("%q was understood as %q", text, parsed.value)
		}
	})
}
