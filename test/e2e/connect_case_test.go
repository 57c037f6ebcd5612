package e2e_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// operation is a sequence of kubectl's, done on both ways. What they print has to be the same, and how they end.
type operation struct {
	name  string
	steps []step
	// raw says that nothing but the version of lists may differ.
	raw bool
	// apart says that one way has to wait for the other.
	apart bool
}

// step is a command line, in which @NS is the namespace of the way and "! " at the beginning says that it has to fail, and what it reads.
type step struct{ line, stdin string }

// do makes steps of command lines, in which single quotes hold blanks.
func do(lines ...string) []step {
	var steps []step
	for _, line := range lines {
		steps = append(steps, step{line: line})
	}
	return steps
}

func fed(line, stdin string) step { return step{line, stdin} }

// words splits a command line at blanks outside of single quotes.
func words(line string) []string {
	var found []string
	var quoted, begun bool
	var word strings.Builder
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				found = append(found, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return found
}

// transcript is what came of the steps.
func (o operation) transcript(t *testing.T, w way, variables []string) string {
	t.Helper()
	var all strings.Builder
	for _, one := range o.steps {
		in := strings.NewReplacer("@NS", w.namespace)
		line, fails := strings.CutPrefix(one.line, "! ")
		result := w.run(t, variables, in.Replace(one.stdin), words(in.Replace(line))...)
		if fails != (result.Code != 0) {
			t.Errorf("%s: kubectl %s ended with %d: %s", w.name, line, result.Code, result.Err)
		}
		fmt.Fprintf(&all, "$ kubectl %s\n%s\nerrors:\n%s\nended with %d\n", line, result.Out, withoutLog(result.Err), result.Code)
	}
	return all.String()
}

// withoutLog leaves out what libraries of kubectl log by the way, with the time.
func withoutLog(text string) string {
	return regexp.MustCompile(`(?m)^[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ .*\n`).ReplaceAllString(text, "")
}

func (o operation) compare(w *ways) {
	w.t.Helper()
	var direct, hub string
	var both sync.WaitGroup
	both.Go(func() { direct = o.transcript(w.t, w.direct, w.upgrade) })
	if o.apart {
		both.Wait()
	}
	both.Go(func() { hub = o.transcript(w.t, w.hub, w.upgrade) })
	both.Wait()
	clean := similar
	if o.raw {
		clean = exact
	}
	same(w.t, clean(direct, w.direct), clean(hub, w.hub))
}

// same fails with the first lines that differ.
func same(t *testing.T, direct, hub string) {
	t.Helper()
	if direct == hub {
		return
	}
	want, got := strings.Split(direct, "\n"), strings.Split(hub, "\n")
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			from := func(lines []string) string {
				return strings.Join(lines[min(len(lines), max(0, i-2)):min(len(lines), i+4)], "\n")
			}
			t.Errorf("line %d differs.\ndirect:\n%.3000s\nthrough the hub:\n%.3000s", i+1, from(want), from(got))
			return
		}
	}
}

// exact leaves everything as it is but the version of lists, which is that of the whole cluster.
func exact(text string, _ way) string {
	text = regexp.MustCompile(`"?resourceVersion"?: "\d+"|"metadata":{"resourceVersion":"\d+"`).ReplaceAllString(text, "resourceVersion: N")
	return regexp.MustCompile(`start exec "[0-9a-f]{64}"`).ReplaceAllString(text, "start exec N")
}

// similar replaces what has to differ between two times and two namespaces.
func similar(text string, w way) string {
	text = strings.ReplaceAll(text, w.namespace, "way-xxx")
	text = strings.ReplaceAll(text, w.server, "SERVER")
	for _, rule := range []struct{ find, put string }{
		{`"?resourceVersion"?: ?"\d+"`, `resourceVersion: N`},
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "UID"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`, "TIME"},
		{`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`, "TIME"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}`, "TIME"},
		{`(LIVE|MERGED)-\d+`, "FOLDER"}, // of kubectl diff
		{`-[a-z0-9]{8,10}-[a-z0-9]{5}\b`, "-POD"},
		{`\b(\d+d)?(\d+h)?(\d+m)?\d+s\b|\b\d+m\b`, "AGE"},
		{`\b10\.(244|96)\.\d+\.\d+\b`, "ADDRESS"},
		{`containerd://[0-9a-f]{64}`, "CONTAINER"},
		{`\bfalls[ \t]+[01]/1[ \t]+\w+[ \t]+\d+( \(AGE ago\))?`, "falls FALLEN"}, // a pod that is begun again and again
		{`[ \t]+`, " "},
	} {
		text = regexp.MustCompile(rule.find).ReplaceAllString(text, rule.put)
	}
	return text
}
