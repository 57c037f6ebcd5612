package usercheck

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	apiVersion = "fairlead.io/v1"
	kind       = "Check"
	maxChecks  = 1000
)

// loader makes checks of documents, and gathers what is wrong with them.
type loader struct {
	env      *cel.Env
	view     *view
	set      Set
	file     string
	problems []error
}

func newLoader() (*loader, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	return &loader{env: env, view: &view{}, set: Set{Expect: map[string]doctor.Status{}}}, nil
}

// lineError is something that is wrong in a line.
type lineError struct {
	line int
	text string
}

func (l *loader) fail(line int, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s:%d: %s", l.file, line, fmt.Sprintf(format, args...)))
}

func (l *loader) compile(env *cel.Env, text source, field string, wanted *cel.Type) *program {
	p, problems := compile(env, text, field, wanted)
	for _, problem := range problems {
		l.fail(problem.line, "%s", problem.text)
	}
	return p
}

func (l *loader) read(file string, content []byte) {
	l.file = file
	documents, problems := parse(file, content)
	l.problems = append(l.problems, problems...)
	for i := range documents {
		if len(l.set.Checks) >= maxChecks {
			l.fail(documents[i].line, "there are more than %d checks", maxChecks)
			return
		}
		l.add(&documents[i])
	}
}

// name is what metadata.name may be, so that USER-NAME can be typed and printed everywhere.
var name = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$`)

func (l *loader) add(d *document) {
	before := len(l.problems)
	l.identify(d)
	id := doctor.OwnArea + "-" + strings.ToUpper(d.Metadata.Name.text)
	if slices.ContainsFunc(l.set.Checks, func(c doctor.Check) bool { return c.ID == id }) ||
		slices.ContainsFunc(l.set.Patterns, func(p Pattern) bool { return p.ID == id }) {
		l.fail(d.Metadata.Name.line, "metadata.name: there is another check called %s", d.Metadata.Name.text)
	}
	made := l.judge(d, id)
	found := l.patterns(d, id)
	if made == nil && len(found) == 0 && len(l.problems) == before {
		l.fail(d.line, "spec: it has neither expr nor forEach nor explain.patterns, so that it does nothing")
	}
	if len(l.problems) > before {
		return
	}
	l.set.Patterns = append(l.set.Patterns, found...)
	if made != nil {
		l.set.Checks = append(l.set.Checks, made.check())
	}
	if d.Spec.Expect.text != "" {
		l.set.Expect[id] = doctor.Status(d.Spec.Expect.text)
	}
}

func (l *loader) identify(d *document) {
	if d.APIVersion.text != apiVersion {
		l.fail(lineOf(d.APIVersion, d.line), "apiVersion: it has to be %s", apiVersion)
	}
	if d.Kind.text != kind {
		l.fail(lineOf(d.Kind, d.line), "kind: it has to be %s", kind)
	}
	if !name.MatchString(d.Metadata.Name.text) {
		l.fail(lineOf(d.Metadata.Name, d.line), "metadata.name: it has to be small letters, digits and dashes, 50 at most")
	}
	if d.Spec.Title.text == "" {
		l.fail(lineOf(d.Spec.Title, d.line), "spec.title: it is missing")
	}
	s := &d.Spec
	l.oneOf(s.Severity, "spec.severity", doctor.Info, doctor.Low, doctor.Medium, doctor.High, doctor.Critical)
	l.oneOf(s.Status, "spec.status", doctor.Severity(doctor.Warn), doctor.Severity(doctor.Fail))
	l.oneOf(s.Expect, "spec.expect", doctor.Severity(doctor.Pass), doctor.Severity(doctor.Warn), doctor.Severity(doctor.Fail))
}

// lineOf is where a text stands, or where it is missing.
func lineOf(text source, otherwise int) int {
	if text.line == 0 {
		return otherwise
	}
	return text.line
}

func (l *loader) oneOf(text source, field string, words ...doctor.Severity) {
	if text.text == "" || slices.Contains(words, doctor.Severity(text.text)) {
		return
	}
	var names []string
	for _, word := range words {
		names = append(names, string(word))
	}
	l.fail(text.line, "%s: %q is not one of %s", field, text.text, strings.Join(names, ", "))
}

func (l *loader) patterns(d *document, id string) []Pattern {
	var found []Pattern
	for _, text := range d.Spec.Explain.Patterns {
		form, err := regexp.Compile("(?i)" + text.text)
		if err != nil || text.text == "" {
			l.fail(lineOf(text, d.line), "spec.explain.patterns: %q is no regular expression", text.text)
			continue
		}
		found = append(found, Pattern{ID: id, Title: d.Spec.Title.text, form: form})
	}
	return found
}

// needs returns what the document says that it reads, logs apart.
func (l *loader) needs(d *document) (needs []snapshot.Need, logs []snapshot.LogNeed) {
	for _, n := range d.Spec.Needs {
		resource := snapshot.Resource(n.Resource.text)
		if resource == "releases" {
			resource = snapshot.Releases
		}
		line := lineOf(n.Resource, d.line)
		switch {
		case !slices.Contains(readable(), resource):
			l.fail(line, "spec.needs: doctor does not read %q; it reads %s", n.Resource.text, readableNames())
		case resource == snapshot.Logs && n.Namespace.text == "":
			l.fail(line, "spec.needs: %s takes a namespace, and in name how the pods' names begin", resource)
		case resource == snapshot.Logs:
			logs = append(logs, snapshot.LogNeed{Namespace: n.Namespace.text, Prefix: n.Name.text, Lines: logLines})
		case resource == snapshot.ConfigMaps && (n.Namespace.text == "" || n.Name.text == ""):
			l.fail(line, "spec.needs: configmaps takes a namespace and a name, because doctor does not read all of them")
		case resource != snapshot.ConfigMaps && n.Name.text != "":
			l.fail(line, "spec.needs: %s takes no name; the expression can choose among them", resource)
		case !resource.Namespaced() && n.Namespace.text != "":
			l.fail(line, "spec.needs: %s have no namespace", resource)
		default:
			needs = append(needs, snapshot.Need{Resource: resource, Namespace: n.Namespace.text, Name: n.Name.text})
		}
	}
	return needs, logs
}

const logLines = 500

// readable returns every resource that a check can need.
func readable() []snapshot.Resource {
	var all []snapshot.Resource
	for _, v := range variables() {
		all = append(all, v.resource)
	}
	return append(all, snapshot.CustomResources()...)
}

func readableNames() string {
	var names []string
	for _, resource := range readable() {
		names = append(names, strings.TrimPrefix(string(resource), "#"))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
