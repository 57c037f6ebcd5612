package resource

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// Whatever is read are etags; a header never makes a condition hold for two different states.
func FuzzPreconditions(f *testing.F) {
	for _, seed := range [][2]string{{"", "*"}, {`"a1"`, ""}, {`W/"a", "b"`, `c`}, {"*, a", ""}, {`""`, ","}, {"a b", "\x00"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, match, none string) {
		header := http.Header{"If-Match": {match}, "If-None-Match": {none}}
		wanted, err := readPreconditions(header)
		if err != nil {
			if fairlead.CodeOf(err) != "InvalidHeaderValue" {
				t.Fatal(err)
			}
			return
		}
		for _, tag := range append(slices.Clone(wanted.match), wanted.none...) {
			if tag == "" || strings.ContainsAny(tag, `", `) {
				t.Fatalf("%q and %q became %q", match, none, wanted)
			}
		}
		if match != "" && wanted.check("") == nil && !slices.Contains(wanted.match, "") {
			t.Fatalf("If-Match %q holds for nothing", match)
		}
		if match == "" && none == "" && (wanted.check("") != nil || wanted.check("x") != nil) {
			t.Fatal("no header makes a demand")
		}
	})
}
