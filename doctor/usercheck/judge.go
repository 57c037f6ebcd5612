package usercheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// judge is a check that was compiled.
type judge struct {
	id, title string
	severity  doctor.Severity
	status    doctor.Status
	needs     []snapshot.Need
	logs      []snapshot.LogNeed
	view      *view

	when   *program // nil: always
	expr   *program
	in     *program // nil: expr is judged once
	as     string
	object *program // nil: no object is named

	reason   template
	remedies []advice
}

type advice struct {
	text     template
	commands []template
	risk     doctor.Risk
}

// judge compiles a document; nil when it has nothing to judge.
func (l *loader) judge(d *document, id string) *judge {
	s := &d.Spec
	if s.Expr.text == "" && s.ForEach == nil {
		return nil
	}
	if s.Expr.text != "" && s.ForEach != nil {
		l.fail(s.Expr.line, "spec: it has both expr and forEach")
		return nil
	}
	j := &judge{
		id: id, title: s.Title.text, severity: doctor.Severity(cmp.Or(s.Severity.text, string(doctor.Medium))),
		status: doctor.Status(cmp.Or(s.Status.text, string(doctor.Fail))), view: l.view,
	}
	j.needs, j.logs = l.needs(d)
	if s.When.text != "" {
		j.when = l.compile(l.env, s.When, "spec.when", cel.BoolType)
	}
	env := l.env
	if s.ForEach == nil {
		j.expr = l.compile(env, s.Expr, "spec.expr", cel.BoolType)
	} else {
		env = l.each(j, s.ForEach, d.line)
	}
	l.words(j, env, d)
	l.complete(j, d)
	return j
}

// each compiles a forEach, and returns the environment that has its variable.
func (l *loader) each(j *judge, f *forEach, line int) *cel.Env {
	j.as = f.As.text
	if !identifier.MatchString(j.as) {
		l.fail(lineOf(f.As, line), "spec.forEach.as: it has to be a name such as item")
		return l.env
	}
	if slices.Contains(append(variableNames(), customName, nowName, serverName), j.as) {
		l.fail(f.As.line, "spec.forEach.as: %s is a variable already", j.as)
		return l.env
	}
	env, err := l.env.Extend(cel.Variable(j.as, cel.DynType))
	if err != nil {
		l.fail(f.As.line, "spec.forEach.as: %s", firstLine(err.Error()))
		return l.env
	}
	if f.In.text == "" || f.Expr.text == "" {
		l.fail(lineOf(f.In, lineOf(f.Expr, line)), "spec.forEach: it takes in and expr")
		return env
	}
	j.in = l.compile(l.env, f.In, "spec.forEach.in", cel.ListType(cel.DynType))
	j.expr = l.compile(env, f.Expr, "spec.forEach.expr", cel.BoolType)
	if f.Object.text != "" {
		j.object = l.compile(env, f.Object, "spec.forEach.object", cel.StringType)
	}
	return env
}

// words compiles what the check says.
func (l *loader) words(j *judge, env *cel.Env, d *document) {
	if d.Spec.Reason.text == "" {
		l.fail(lineOf(d.Spec.Reason, d.line), "spec.reason: it is missing")
	}
	j.reason = l.template(env, d.Spec.Reason, "spec.reason")
	for _, r := range d.Spec.Remedies {
		l.oneOf(r.Risk, "spec.remedies.risk", doctor.Severity(doctor.Safe), doctor.Severity(doctor.Ask), doctor.Severity(doctor.Manual))
		one := advice{text: l.template(env, r.Text, "spec.remedies.text"), risk: doctor.Risk(cmp.Or(r.Risk.text, string(doctor.Manual)))}
		if r.Text.text == "" {
			l.fail(lineOf(r.Text, d.line), "spec.remedies.text: it is missing")
		}
		for _, command := range r.Commands {
			one.commands = append(one.commands, l.template(env, command, "spec.remedies.commands"))
		}
		j.remedies = append(j.remedies, one)
	}
}

// complete adds the needs that the expressions show: a list that nobody reads would be empty, and so look healthy.
func (l *loader) complete(j *judge, d *document) {
	used := j.uses()
	for _, v := range variables() {
		declared := slices.ContainsFunc(j.needs, func(n snapshot.Need) bool { return n.Resource == v.resource })
		switch {
		case !slices.Contains(used, v.name) || declared:
		case v.name == logsName && len(j.logs) > 0:
		case v.resource == snapshot.ConfigMaps || v.name == logsName:
			l.fail(d.line, "spec.needs: it has to say which %s the expressions look at", v.resource)
		default:
			j.needs = append(j.needs, snapshot.Everywhere(v.resource))
		}
	}
	if slices.Contains(used, customName) && len(j.customs()) == 0 {
		l.fail(d.line, "spec.needs: it has to say which custom resources the expressions look at, such as %s", snapshot.GitRepositories)
	}
}

// customs are the custom resources that are needed.
func (j *judge) customs() []snapshot.Resource {
	var found []snapshot.Resource
	for _, n := range j.needs {
		if slices.Contains(snapshot.CustomResources(), n.Resource) && !slices.Contains(found, n.Resource) {
			found = append(found, n.Resource)
		}
	}
	return found
}

func variableNames() []string {
	var names []string
	for _, v := range variables() {
		names = append(names, v.name)
	}
	return names
}

// uses are the variables that any expression names.
func (j *judge) uses() []string {
	all := j.reason.uses()
	for _, p := range []*program{j.when, j.expr, j.in, j.object} {
		if p != nil {
			all = append(all, p.uses...)
		}
	}
	for _, r := range j.remedies {
		all = append(all, r.text.uses()...)
		for _, command := range r.commands {
			all = append(all, command.uses()...)
		}
	}
	return all
}

func (j *judge) check() doctor.Check {
	check := doctor.Check{ID: j.id, Title: j.title, Severity: j.severity, Needs: j.needs, Logs: j.logs, Eval: j.eval}
	if slices.ContainsFunc(j.needs, func(n snapshot.Need) bool { return n.Resource == snapshot.Releases }) {
		check.Uses = []snapshot.Need{snapshot.Everywhere(snapshot.Payloads)}
	}
	return check
}

func (j *judge) eval(s *snapshot.Snapshot) []doctor.Finding {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	r := &run{ctx: ctx, left: costLimit, variables: map[string]any{}}
	found, err := j.look(r, s)
	if err != nil {
		found = append(found, doctor.Finding{Status: doctor.Unknown, Text: fmt.Sprintf("The check itself failed: %s.", firstLine(err.Error()))})
	}
	if len(found) == 0 {
		found = []doctor.Finding{{Status: doctor.Pass}}
	}
	for i := range found {
		found[i].Title = j.title
	}
	return found
}

func (j *judge) look(r *run, s *snapshot.Snapshot) ([]doctor.Finding, error) {
	if err := j.fill(r, s); err != nil {
		return nil, err
	}
	if j.when != nil && j.seen(s) {
		if applies, err := r.truth(j.when); err != nil {
			return nil, err
		} else if !applies {
			return []doctor.Finding{{Status: doctor.Skipped, Text: "its condition (spec.when) does not hold here"}}, nil
		}
	}
	if j.in != nil {
		return j.lookAtEach(r)
	}
	wrong, err := r.truth(j.expr)
	if err != nil || !wrong {
		return nil, err
	}
	return []doctor.Finding{j.finding(r)}, nil
}

// seen reports whether everything could be read: only then can spec.when leave the check out.
func (j *judge) seen(s *snapshot.Snapshot) bool {
	for _, n := range j.needs {
		if !s.Known(n) {
			return false
		}
	}
	for _, n := range j.logs {
		if _, missing := s.MissingLog(n); missing {
			return false
		}
	}
	return true
}

// lookAtEach judges the items of a list. Those found before an expression failed are told, too.
func (j *judge) lookAtEach(r *run) ([]doctor.Finding, error) {
	value, err := r.value(j.in)
	if err != nil {
		return nil, err
	}
	list, ok := value.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("%s: it is a %s, and has to be a list", j.in.field, value.Type().TypeName())
	}
	var found []doctor.Finding
	var failed error
	for it := list.Iterator(); it.HasNext() == types.True; {
		r.variables[j.as] = it.Next()
		wrong, err := r.truth(j.expr)
		switch {
		case err != nil && (r.left == 0 || r.ctx.Err() != nil):
			return found, err
		case err != nil && failed == nil:
			failed = err
		case err == nil && wrong:
			found = append(found, j.finding(r))
		}
	}
	return found, failed
}

func (j *judge) finding(r *run) doctor.Finding {
	f := doctor.Finding{Status: j.status, Severity: j.severity, Text: r.text(j.reason)}
	if j.object != nil {
		value, err := r.value(j.object)
		if text, ok := value.(types.String); ok && err == nil {
			object := objectOf(string(text))
			f.Objects, f.Scope = []doctor.Object{object}, object.Namespace
		} else {
			f.Text += " (" + j.object.field + " could not be told)"
		}
	}
	for _, one := range j.remedies {
		remedy := doctor.Remedy{Text: r.text(one.text), Risk: one.risk}
		for _, command := range one.commands {
			remedy.Commands = append(remedy.Commands, r.text(command))
		}
		f.Remedies = append(f.Remedies, remedy)
	}
	return f
}

// objectOf reads KIND/NAMESPACE/NAME or KIND/NAME.
func objectOf(text string) doctor.Object {
	parts := strings.SplitN(text, "/", 3)
	switch len(parts) {
	case 3:
		return doctor.Object{Kind: parts[0], Namespace: parts[1], Name: parts[2]}
	case 2:
		return doctor.Object{Kind: parts[0], Name: parts[1]}
	}
	return doctor.Object{Kind: "Object", Name: text}
}
