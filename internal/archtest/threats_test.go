package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/threats.md names the test that tries each attack: it has to be there, or the page is a promise.
func TestThreatsNameTestsThatExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "threats.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9./]+) ((?:Test|Fuzz)\\w+)((?:/\\w+)*)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 50 {
		t.Fatalf("only %d tests are named: the page has another form now", len(named))
	}
	for _, name := range named {
		if folder, function, parts := name[1], name[2], name[3]; !hasTest(t, folder, function, parts) {
			t.Errorf("%s has no test %s%s", folder, function, parts)
		}
	}
}

// hasTest looks for the function, and for the names of its parts as they are written in tables.
func hasTest(t *testing.T, folder, function, parts string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	for part := range strings.SplitSeq(strings.Trim(parts, "/"), "/") {
		if part != "" && !strings.Contains(all.String(), `"`+part+`"`) {
			return false
		}
	}
	return strings.Contains(all.String(), "\nfunc "+function+"(")
}
