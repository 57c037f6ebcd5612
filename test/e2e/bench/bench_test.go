package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string // in the error
	}{
		"All":         {"", nil, ""},
		"Some":        {"", []string{"--sections", "gitops,extensions", "--commits", "5"}, ""},
		"NoSection":   {"a name that means nothing", []string{"--sections", "gitops,dinner"}, "dinner"},
		"TooMany":     {"a cluster takes no more than a hundred extensions", []string{"--installs", "90"}, "--installs"},
		"NothingToDo": {"nothing can be said of no commits", []string{"--commits", "0"}, "--commits"},
	}
	for name, c := range cases {
		o, err := parse(c.args, &bytes.Buffer{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s (%s): %v", name, c.reason, err)
		}
		if name == "All" && !slices.Equal(o.sections, sectionNames()) {
			t.Errorf("sections %v", o.sections)
		}
	}
}

func TestTimes(t *testing.T) {
	var all times
	for i := range 200 {
		all = append(all, time.Duration(200-i)*time.Second)
	}
	if all.at(50) != 101*time.Second || all.at(99) != 199*time.Second || all.at(100) != 200*time.Second || times(nil).at(50) != 0 {
		t.Errorf("p50 %s, p99 %s, slowest %s", all.at(50), all.at(99), all.at(100))
	}
	if few := all[:3]; few.at(99) != 200*time.Second {
		t.Errorf("of three, p99 is %s", few.at(99))
	}
}

func TestWhatObjectsShow(t *testing.T) {
	const commit = "0123456789012345678901234567890123456789"
	ready := func(status string) map[string]any {
		return map[string]any{"status": map[string]any{
			"lastAppliedRevision": "main@sha1:" + commit, "conditions": []any{map[string]any{"type": "Ready", "status": status}},
		}}
	}
	cases := map[string]struct {
		shows  func(*unstructured.Unstructured) []string
		object map[string]any
		want   []string
	}{
		"Ready":    {appliedRevision, ready("True"), []string{"applied " + commit}},
		"NotReady": {appliedRevision, ready("Unknown"), nil},
		"Fetched":  {fetchedRevision, map[string]any{"status": map[string]any{"artifact": map[string]any{"revision": "main@sha1:" + commit}}}, []string{"fetched " + commit}},
		"Compliant": {
			toldRevision, map[string]any{"status": map[string]any{"complianceState": "Compliant", "sourceSyncedCommitId": "main@sha1:" + commit}}, []string{"told " + commit},
		},
		"Pending": {toldRevision, map[string]any{"status": map[string]any{"complianceState": "Pending", "sourceSyncedCommitId": "main@sha1:" + commit}}, nil},
		"Journal": {
			journal,
			map[string]any{"metadata": map[string]any{"name": "web"}, "status": map[string]any{"provisioningState": "Creating", "operation": map[string]any{"phase": "apply"}}},
			[]string{"web wanted", "web apply", "web Creating"},
		},
	}
	for name, c := range cases {
		if got := c.shows(&unstructured.Unstructured{Object: c.object}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSightings(t *testing.T) {
	seen := newSightings()
	go seen.see("web apply")
	first, err := seen.when(t.Context(), "web apply")
	if err != nil {
		t.Fatal(err)
	}
	seen.see("web apply")
	if again, err := seen.when(t.Context(), "web apply"); err != nil || !again.Equal(first) {
		t.Errorf("seen again it is of %s, first of %s: %v", again, first, err)
	}
	seen.follow(closed{}, nil)
	if _, err := seen.when(t.Context(), "web Succeeded"); err == nil {
		t.Error("it waits for what nobody watches any more")
	}
}

func TestParseSummary(t *testing.T) {
	pods, err := parseSummary([]byte(`{"pods":[{"podRef":{"name":"extension-manager-5d8f9-x2x4z","namespace":"azure-arc"},"memory":{"workingSetBytes":2097152,"rssBytes":1048576}}]}`))
	if want := (pod{"azure-arc", "extension-manager", 2 << 20, 1 << 20}); err != nil || len(pods) != 1 || pods[0] != want {
		t.Errorf("%+v, %v", pods, err)
	}
}

// Each row of a table has as many cells as its head, or the page shows it as something else.
func TestTables(t *testing.T) {
	one := installation{}
	for i, step := range steps() {
		one[step.name] = time.Duration(1+i) * 100 * time.Millisecond
	}
	some := []pod{{"azure-arc", "fluxconfig-agent", 1 << 20, 1 << 20}}
	for name, text := range map[string]string{
		"Join":       joined{times{time.Second}, times{time.Second}}.markdown(),
		"Memory":     memoryMarkdown(map[string][]pod{"edge": some, "standard": some}),
		"Extensions": installations{[]installation{one}, times{time.Second}, managerMemory{large: some}}.markdown(),
		"GitOps":     arrivals{[]arrival{{1, 2, 3, 4}}, some, some}.markdown(),
	} {
		cells := 0
		for line := range strings.Lines(text) {
			n := strings.Count(line, "|")
			if n > 0 && cells > 0 && n != cells {
				t.Errorf("%s: a row of %d cells below one of %d: %s", name, n-1, cells-1, line)
			}
			cells = n
		}
	}
}

// closed is a watch that has ended.
type closed struct{}

func (closed) Stop() {}

func (closed) ResultChan() <-chan watch.Event {
	events := make(chan watch.Event)
	close(events)
	return events
}
