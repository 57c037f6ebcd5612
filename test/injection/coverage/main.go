// Command coverage writes docs/doctor-coverage.md: one row for each entry of the failure catalogue, with how it is tested and what
// came out. It reads what the injection tests have recorded, the tests of the checks, and the quotes that explain is tested with.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// paths are where the evidence lies, seen from the root of the repository.
type paths struct{ binary, results, out string }

// evidence is what is known of one entry.
type evidence struct {
	Title  string
	Cases  []string
	Failed []string
	Unit   bool
	Quotes int
	Judged bool
}

func main() {
	var p paths
	flag.StringVar(&p.binary, "binary", "bin/fairlead", "the binary whose checks and titles are listed")
	flag.StringVar(&p.results, "results", "", "what the injection tests recorded")
	flag.StringVar(&p.out, "out", "docs/doctor-coverage.md", "the file to write")
	flag.Parse()
	if err := run(p, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

func run(p paths, log io.Writer) error {
	entries, err := titles(p.binary)
	if err != nil {
		return err
	}
	if err := injected(p.results, entries); err != nil {
		return err
	}
	if err := unitTests("doctor/check", entries); err != nil {
		return err
	}
	if err := quotes("doctor/explain/testdata/quotes.yaml", entries); err != nil {
		return err
	}
	if err := os.WriteFile(p.out, page(entries), 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(log, "%s has %d entries\n", p.out, len(entries))
	return err
}

// titles asks the binary for its catalogue: a bundle-less look at no cluster names every check.
func titles(binary string) (map[string]*evidence, error) {
	command := exec.Command(binary, "doctor", "--kube-config", "/nonexistent", "-o", "json", "--show", "all", "--lang", "en") //nolint:noctx // it ends by itself
	out, err := command.Output()
	if len(out) == 0 {
		return nil, fmt.Errorf("ask %s for its checks: %w", binary, err)
	}
	var report struct {
		Findings []struct{ ID, Title string } `json:"findings"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, err
	}
	entries := map[string]*evidence{}
	for _, f := range report.Findings {
		entries[f.ID] = &evidence{Title: f.Title, Judged: true}
	}
	return entries, nil
}

// injected reads lines of ID, case and result.
func injected(path string, entries map[string]*evidence) error {
	content, err := os.ReadFile(path) //nolint:gosec // the caller names it
	if err != nil {
		return fmt.Errorf("read what the injection tests recorded: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		if len(words) != 3 || entries[words[0]] == nil {
			continue
		}
		entry := entries[words[0]]
		if words[2] != "pass" {
			entry.Failed = append(entry.Failed, words[1])
		}
		entry.Cases = append(entry.Cases, words[1])
	}
	return nil
}

func unitTests(folder string, entries map[string]*evidence) error {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		for id, entry := range entries {
			entry.Unit = entry.Unit || bytes.Contains(content, []byte(`"`+id))
		}
	}
	return nil
}

func quotes(path string, entries map[string]*evidence) error {
	content, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		return err
	}
	var all map[string][]string
	if err := yaml.Unmarshal(content, &all); err != nil {
		return err
	}
	for id, entry := range entries {
		entry.Quotes = len(all[id])
	}
	return nil
}

func page(entries map[string]*evidence) []byte {
	var text bytes.Buffer
	text.WriteString("# What each entry of the failure catalogue is tested with\n\n" +
		"Made by `make coverage` from a run of the injection tests; do not edit. *On a node*: brought about on a real Kubernetes node, found as the only root cause, healed, and not found any more. " +
		"*Snapshot*: unit tests of the check over recorded or built snapshots. *Explain*: texts quoted by the guides or printed by current software that `fairlead explain` has to recognise as this entry first.\n\n" +
		"| id | title | on a node | result | snapshot | texts that explain knows |\n|---|---|---|---|---|---|\n")
	ids := make([]string, 0, len(entries))
	onNode := 0
	for id := range entries {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		e := entries[id]
		result := "–"
		switch {
		case len(e.Failed) > 0:
			result = "FAIL: " + strings.Join(e.Failed, ", ")
		case len(e.Cases) > 0:
			result = "pass"
			onNode++
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s |\n", id, e.Title, strings.Join(e.Cases, ", "), result, mark(e.Unit), count(e.Quotes))
	}
	fmt.Fprintf(&text, "\n%d of %d entries were brought about on a node.\n", onNode, len(entries))
	return text.Bytes()
}

func mark(yes bool) string { //nolint:revive // a fact, not a mode
	if yes {
		return "yes"
	}
	return "–"
}

func count(quotes int) string {
	if quotes == 0 {
		return "–"
	}
	return fmt.Sprint(quotes)
}
