package page_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/page"
)

const (
	begins = "<!-- fish: written by test/fish -->\n"
	ends   = "<!-- end of fish -->\n"
)

func TestWriteReplacesItsSectionAlone(t *testing.T) {
	cases := map[string]struct{ page, want string }{
		"NoPage":    {"", begins + "new\n" + ends},
		"NoSection": {"# Benchmarks\n", "# Benchmarks\n\n" + begins + "new\n" + ends},
		"Between":   {"before\n" + begins + "old\n" + ends + "after\n", "before\n" + begins + "new\n" + ends + "after\n"},
		"Cut":       {"before\n" + begins + "old\n", "before\n" + begins + "new\n" + ends},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "page.md")
			if c.page != "" {
				write(t, file, c.page)
			}
			if got := written(t, file, "fish"); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Several programs write one page, in any order, and time and again.
func TestSectionsOfOthersStay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	write(t, file, "# Benchmarks\n")
	written(t, file, "fish")
	once := written(t, file, "birds")
	if want := "# Benchmarks\n\n" + begins + "new\n" + ends + "\n<!-- birds: written by test/birds -->\nnew\n<!-- end of birds -->\n"; once != want {
		t.Errorf("got %q", once)
	}
	written(t, file, "fish")
	if again := written(t, file, "birds"); again != once {
		t.Errorf("written again it is %q", again)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func written(t *testing.T, file, name string) string {
	t.Helper()
	section := page.Section{Name: name, Writer: "test/" + name}
	if err := section.Write(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
