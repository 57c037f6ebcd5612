package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestChoose(t *testing.T) {
	cases := map[string]struct {
		tag  string
		want Language
		ok   bool
	}{
		"Plain":          {"fr", French, true},
		"Locale":         {"fr_FR.UTF-8", French, true},
		"Modifier":       {"fr_BE@euro", French, true},
		"Capitals":       {"KO-kr", Korean, true},
		"English":        {"en_GB", English, true},
		"Taiwan":         {"zh_TW", TraditionalChinese, true},
		"HongKong":       {"zh-HK", TraditionalChinese, true},
		"Traditional":    {"zh-Hant", TraditionalChinese, true},
		"ScriptAndPlace": {"zh-Hant-CN", TraditionalChinese, true},
		"China":          {"zh-CN", SimplifiedChinese, true},
		"Simplified":     {"zh-hans", SimplifiedChinese, true},
		"Chinese":        {"zh", SimplifiedChinese, true},
		"C":              {"C", "", false},
		"CUTF8":          {"C.UTF-8", "", false},
		"POSIX":          {"POSIX", "", false},
		"Empty":          {"", "", false},
		"German":         {"de_DE.UTF-8", "", false},
		"Frisian":        {"fry", "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, ok := Choose(c.tag); got != c.want || ok != c.ok {
				t.Errorf("Choose(%q) = %q, %v, want %q, %v", c.tag, got, ok, c.want, c.ok)
			}
		})
	}
}

func TestOpenAnotherLanguage(t *testing.T) {
	if _, err := Open("tlh"); err == nil {
		t.Error("a language without texts has to be an error")
	}
}

// TestEnglishIsComplete holds every other language up: what English lacks, all lack.
func TestEnglishIsComplete(t *testing.T) {
	english, err := Open(English)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := english.IDs(), everyID(); !slices.Equal(got, want) {
		t.Errorf("the entries are %v, want %v", got, want)
	}
	for _, id := range english.IDs() {
		for what, text := range map[string]string{"title": english.Title(id), "cause": english.Cause(id), "fix": english.Fix(id)} {
			if text == "["+id+"]" {
				t.Errorf("%s has no %s", id, what)
			}
		}
	}
}

func everyID() []string {
	var ids []string
	for _, part := range []struct {
		name  string
		count int
	}{{"ARC", 17}, {"CLI", 10}, {"EXT", 10}, {"FLX", 10}, {"HLM", 10}, {"MON", 3}, {"NET", 7}, {"OSM", 29}, {"SELF", 4}} {
		for i := range part.count {
			ids = append(ids, fmt.Sprintf("%s-%02d", part.name, i+1))
		}
	}
	return ids
}

// TestNoLanguageSaysMore finds keys and placeholders that a translation has and English has not: a
// misspelt key would never be shown, a misspelt placeholder would be shown in braces.
func TestNoLanguageSaysMore(t *testing.T) {
	english, err := Open(English)
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range Languages() {
		translated, err := Open(language)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range Missing(translated, english) {
			t.Errorf("%s has %s, and English has not", language, key)
		}
	}
}

func TestNoFixCopiesTheGuidesMistakes(t *testing.T) {
	english, err := Open(English)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range english.Keys() {
		text := english.flat()[key]
		for _, mistake := range []string{"connnect", "modprobe iptables_nat", `:"true"`, `"tracing":{"osmLogLevel"`, "wc -c", "get endpoints ", "-o yaml | grep name:", "--namespace default status"} {
			if strings.Contains(text, mistake) {
				t.Errorf("%s repeats the guides' mistake %q", key, mistake)
			}
		}
	}
}

func TestFallback(t *testing.T) {
	english := parse(t, English, map[string]string{
		"entries.yaml": "X-01: {title: T, cause: C, fix: F, aliases: [A], reasons: {r: 'R {n}'}, remedies: {m: M}}",
		"ui.yaml":      "pass: passed {n}",
	})
	french := parse(t, French, map[string]string{"entries.yaml": "X-01: {title: Titre}\nX-02: {title: Deux}"})
	french.fallback = english
	args := map[string]string{"n": "{m}", "m": "no"}
	for name, pair := range map[string][2]string{
		"Own":           {french.Title("X-01"), "Titre"},
		"Cause":         {french.Cause("X-01"), "C"},
		"Fix":           {french.Fix("X-01"), "F"},
		"Reason":        {french.Reason("X-01", "r", args), "R {m}"},
		"NoArgument":    {french.Reason("X-01", "r", nil), "R {n}"},
		"Remedy":        {french.Remedy("X-01", "m", nil), "M"},
		"Word":          {french.UI("pass", args), "passed {m}"},
		"UnknownWord":   {french.UI("nope", nil), "[nope]"},
		"UnknownID":     {french.Title("X-99"), "[X-99]"},
		"UnknownReason": {french.Reason("X-01", "nope", args), "[nope]"},
		"UnknownBoth":   {french.Remedy("X-99", "nope", nil), "[nope]"},
		"Aliases":       {strings.Join(french.Aliases("X-01"), ","), "A"},
		"NoAliases":     {strings.Join(french.Aliases("X-99"), ","), ""},
		"IDs":           {strings.Join(french.IDs(), ","), "X-01,X-02"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
		}
	}
}

func TestMissing(t *testing.T) {
	want := parse(t, English, map[string]string{"a.yaml": `X-01: {title: T, reasons: {r: 'R {n} {"json":1}', s: S}}`, "ui.yaml": "pass: passed"})
	have := parse(t, French, map[string]string{"a.yaml": "X-01: {reasons: {r: R}}\nX-02: {title: T}"})
	have.fallback = want
	got := Missing(want, have)
	if wanted := []string{"X-01/reasons/r {n}", "X-01/reasons/s", "X-01/title", "ui/pass"}; !slices.Equal(got, wanted) {
		t.Errorf("Missing = %q, want %q", got, wanted)
	}
}

func TestTextsThatContradict(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
	}{
		"TitleTwice":  {"two files name one failure", map[string]string{"a.yaml": "X-01: {title: T}", "b.yaml": "X-01: {title: U}"}},
		"ReasonTwice": {"two files have one key", map[string]string{"a.yaml": "X-01: {reasons: {r: R}}", "b.yaml": "X-01: {reasons: {r: S}}"}},
		"KeyTwice":    {"one file says a thing twice", map[string]string{"a.yaml": "X-01: {title: T}\nX-01: {title: U}"}},
		"Unknown":     {"a misspelt field would be lost", map[string]string{"a.yaml": "X-01: {titel: T}"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := load(files(English, c.files), English); err == nil {
				t.Errorf("%s: no error", c.reason)
			}
		})
	}
}

func parse(t *testing.T, language Language, texts map[string]string) *Catalogue {
	t.Helper()
	c, err := load(files(language, texts), language)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func files(language Language, texts map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all["text/"+string(language)+"/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}
