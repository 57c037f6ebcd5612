package explain

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead/doctor/catalogue"
)

func open(t testing.TB) *Matcher {
	t.Helper()
	m, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(raw, into); err != nil {
		t.Fatal(err)
	}
}

func ids(found []Match) []string {
	list := make([]string, len(found))
	for i, match := range found {
		list[i] = match.ID
	}
	return list
}

func TestQuotes(t *testing.T) {
	m, quotes := open(t), map[string][]string{}
	read(t, "quotes.yaml", &quotes)
	for id, texts := range quotes {
		for _, text := range texts {
			if found := m.Match(text); len(found) == 0 || found[0].ID != id {
				t.Errorf("%q has to give %s first and gives %v", text, id, found)
			}
		}
	}
}

// TestQuotesInLogs reads every quote as the agents and kubectl would hand it on.
func TestQuotesInLogs(t *testing.T) {
	quotes := map[string][]string{}
	read(t, "quotes.yaml", &quotes)
	for id, texts := range quotes {
		for _, text := range texts {
			got, _, ok := Classify(text)
			if !ok && isProse(text) {
				continue
			}
			if !ok || got != id {
				t.Errorf("Classify(%q) has to give %s and gives %q, %v", text, id, got, ok)
			}
		}
	}
}

// isProse tells quotes that only the catalogues know.
func isProse(text string) bool { return strings.Contains(text, "公尺") }

func TestHeadings(t *testing.T) {
	m, headings := open(t), map[string]map[string][]string{}
	read(t, "headings.yaml", &headings)
	for language, texts := range headings {
		for text, want := range texts {
			for _, form := range []string{text, "## " + text + " ##", "- " + strings.ReplaceAll(text, ":", "：")} {
				got := ids(m.Match(form))
				for _, id := range want {
					if !slices.Contains(got[:min(len(got), len(want))], id) {
						t.Errorf("%s: %q has to give %v first and gives %v", language, form, want, got)
					}
				}
			}
		}
	}
}

func TestEveryAliasGivesItsEntry(t *testing.T) {
	m := open(t)
	for _, language := range catalogue.Languages() {
		words, err := catalogue.Open(language)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range words.IDs() {
			for _, alias := range append(words.Aliases(id), words.Title(id)) {
				if got := ids(m.Match(alias)); !slices.Contains(got, id) {
					t.Errorf("%s: %q has to give %s and gives %v", language, alias, id, got)
				}
			}
		}
	}
}

func TestUnrelated(t *testing.T) {
	m := open(t)
	raw, err := os.ReadFile("testdata/unrelated.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if found := m.Match(line); len(found) > 0 {
			t.Errorf("%q speaks of no failure and gives %v", line, found)
		}
	}
	if found := m.Match(string(raw)); len(found) > 0 {
		t.Errorf("the whole page speaks of no failure and gives %v", found)
	}
}

func TestForms(t *testing.T) {
	cases := map[string]struct{ reason, text, first string }{
		"Wrapped":     {"a terminal breaks lines", "Unable to install helm release: Error: UPGRADE\n   Failed: time out waiting\nfor the condition", "HLM-01"},
		"Quotes":      {"a word processor bends quotes", "secret “kube-aad-proxy-certificate” not found", "ARC-12"},
		"Spaces":      {"a page has other spaces", "exceeded\u00a0quota: q", "EXT-02"},
		"JSON":        {"agents escape quotes", `{"Message":"admission webhook \"validation.gatekeeper.sh\" denied the request: no"}`, "FLX-08"},
		"Runtime":     {"a time stands before the line", `2024-02-07T06:04:43.672Z {"Message": "This traffic is not authorized."}`, "EXT-06"},
		"ID":          {"an id alone", " ext-08\n", "EXT-08"},
		"OtherWords":  {"a sentence with other words", "如果您無法連線到叢集,或是權限不足,叢集連線到 Azure Arc 就會失敗。", "CLI-06"},
		"Part":        {"half a sentence", "votre principal de service ne fait pas partie de plus de 200 groupes Microsoft Entra", "CLI-09"},
		"AnotherCase": {"capitals", "BACKOFFLIMITEXCEEDED", "HLM-02"},
	}
	m := open(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if found := m.Match(c.text); len(found) == 0 || found[0].ID != c.first {
				t.Errorf("%s: want %s first, got %v", c.reason, c.first, found)
			}
		})
	}
}

func TestTaints(t *testing.T) {
	text := "0/2 nodes are available: 1 node(s) had untolerated taint {CriticalAddonsOnly: true}, 1 node(s) had untolerated taint {dedicated: gpu}, 1 Insufficient cpu."
	got := ids(open(t).Match(text))
	if want := []string{"EXT-09", "ARC-06", "EXT-04"}; !slices.Equal(got, want) {
		t.Errorf("one message tells several causes: want %v, got %v", want, got)
	}
	if got := ids(open(t).Match("2 node(s) had untolerated taint {CriticalAddonsOnly: true}")); !slices.Equal(got, []string{"EXT-09"}) {
		t.Errorf("the taint of system pools is no other taint: got %v", got)
	}
}

func TestCaptures(t *testing.T) {
	cases := map[string]struct{ text, id, name, value string }{
		"User":     {`Error: list: failed to list: secrets is forbidden: User "myuser" cannot list`, "CLI-05", "user", "myuser"},
		"Host":     {`Unable to pull cluster-diagnostic-checks helm chart from the registry 'r': Error: failed to do request: Head "https://mcr.microsoft.com/v2/x"`, "CLI-07", "host", "mcr.microsoft.com"},
		"Template": {`execution error at (c/templates/all.yaml:18:40): tenantId is required`, "HLM-07", "message", "tenantId is required"},
		"Policy":   {`ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`, "EXT-03", "policy", "p"},
		"Resource": {`0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: x`, "ARC-06", "resource", "nvidia.com/gpu"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			id, captures, ok := Classify(c.text)
			if !ok || id != c.id || captures[c.name] != c.value {
				t.Errorf("want %s with %s=%q, got %s %v", c.id, c.name, c.value, id, captures)
			}
		})
	}
}

func TestEveryPatternIsOfAnEntry(t *testing.T) {
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		t.Fatal(err)
	}
	known := words.IDs()
	for _, p := range open(t).patterns.list {
		if !slices.Contains(known, p.id) {
			t.Errorf("the pattern %s is of %s, which is in no catalogue", p.form, p.id)
		}
		if p.score <= 0 || p.score > 1 {
			t.Errorf("the pattern %s scores %v", p.form, p.score)
		}
	}
}

// TestLargeLog bounds the time for the largest text that is read.
func TestLargeLog(t *testing.T) {
	m := open(t)
	line := `{"Message": "2024/02/07 06:04:43 sync of 12 objects took 31 ms", "LogLevel": "Information", "AgentName": "ConfigAgent"}` + "\n"
	text := strings.Repeat(line, 8<<20/len(line)) + "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n"
	start := time.Now()
	found := m.Match(text)
	if got := ids(found); !slices.Equal(got, []string{"HLM-08"}) {
		t.Errorf("want the one failure at the end of the log, got %v", got)
	}
	m.Match(strings.Repeat(`Get "https://osm-x.his.arc.azure.com/kube-aad-proxy": is forbidden: User "x" lookup x: template: nodes are available: `, 40<<10))
	m.Match(strings.Repeat("nodes are available: 1 node had taint {CriticalAddonsOnly} that the pod didn't tolerate: lookup x\n", 40<<10))
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("a log of 4 MiB took %v", took)
	}
}

func BenchmarkMatch(b *testing.B) {
	m := open(b)
	text := "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress"
	for b.Loop() {
		m.Match(text)
	}
}

func FuzzMatch(f *testing.F) {
	quotes := map[string][]string{}
	read(f, "quotes.yaml", &quotes)
	for _, texts := range quotes {
		f.Add(texts[0])
	}
	f.Add("\xff\xfe。\n？. ! \u0301\u0301")
	f.Add(strings.Repeat("Head \"https://", 500))
	m := open(f)
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		last := 1.0
		for _, match := range m.Match(text) {
			if match.Score <= 0 || match.Score > last || match.ID == "" {
				t.Errorf("%+v after a score of %v", match, last)
			}
			last = match.Score
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%d bytes took %v", len(text), took)
		}
	})
}
