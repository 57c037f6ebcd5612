package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/collect"
	"github.com/fairlead/fairlead/doctor/fix"
)

const (
	mendedWithin = 30 * time.Second
	mendedEvery  = 3 * time.Second
)

// mender does remedies one after the other.
type mender struct {
	*visit

	fixer  *fix.Fixer
	tried  map[string]bool // actions, so that what two findings ask for is done once
	mended []doctor.Finding
}

// mend does what --fix allows for the findings of the last look, root causes first, and looks again.
func (v *visit) mend(ctx context.Context, report doctor.Report) error {
	findings := v.mendable()
	if len(findings) == 0 {
		if report.Summary.Fail+report.Summary.Warn > 0 {
			v.talk("fixNone", nil)
		}
		return v.unmended(report)
	}
	if !v.flags.yes && !v.interactive() {
		return usagef("--fix: nobody is there to be asked: add --yes if you are sure")
	}
	target, err := collect.Open(v.flags.kubeconfig, v.flags.kubecontext)
	if err != nil {
		return err
	}
	fixer, err := fix.New(target.Config)
	if err != nil {
		return err
	}
	m := &mender{visit: v, fixer: fixer, tried: map[string]bool{}}
	for i := range findings {
		if err := m.mendFinding(ctx, &findings[i]); err != nil {
			return err
		}
	}
	if len(m.mended) == 0 {
		return v.unmended(report)
	}
	return m.lookAgain(ctx)
}

// mendable returns the problems that --fix may do something about.
func (v *visit) mendable() []doctor.Finding {
	var roots, symptoms []doctor.Finding
	for i := range v.findings {
		f := &v.findings[i]
		switch {
		case !f.Problem() || !slices.ContainsFunc(f.Remedies, v.allowed):
		case f.Root():
			roots = append(roots, *f)
		default:
			symptoms = append(symptoms, *f)
		}
	}
	return append(roots, symptoms...)
}

// allowed reports whether --fix may do a remedy.
func (v *visit) allowed(remedy doctor.Remedy) bool {
	return len(remedy.Actions) > 0 && (remedy.Risk == doctor.Safe || remedy.Risk == doctor.Ask && v.flags.fix == "ask")
}

func (v *visit) talk(key string, args map[string]string) {
	_, _ = io.WriteString(v.streams.Err, v.text.UI(key, args)+"\n") // nobody is left to tell if this fails
}

// mendFinding offers the remedies of a finding until one was done: each is a way of its own.
func (m *mender) mendFinding(ctx context.Context, f *doctor.Finding) error {
	for _, remedy := range f.Remedies {
		if !m.allowed(remedy) {
			continue
		}
		_, _ = fmt.Fprintf(m.streams.Err, "\n%s  %s\n", f.ID, strings.Map(printable, doctor.RemedyText(f.ID, remedy, m.text))) // as talk
		done, err := m.remedy(ctx, f, remedy)
		if done > 0 {
			m.mended = append(m.mended, *f)
		}
		if err != nil {
			return err
		}
		if done > 0 {
			return nil
		}
	}
	return nil
}

// remedy makes the changes of a remedy, and returns how many were made. The first that cannot be made ends it, because later ones stand on it.
func (m *mender) remedy(ctx context.Context, f *doctor.Finding, remedy doctor.Remedy) (int, error) {
	done := 0
	for _, action := range remedy.Actions {
		key := fmt.Sprint(action.Verb, action.APIVersion, action.Resource, action.Namespace, action.Name, string(action.Body))
		if m.tried[key] {
			continue
		}
		m.tried[key] = true
		made, err := m.act(ctx, f, action)
		if made {
			done++
		}
		if err != nil || !made {
			return done, err
		}
	}
	return done, nil
}

// act shows a change, asks, and makes it. An interruption takes effect before or after the change, never in the middle of it.
func (m *mender) act(ctx context.Context, f *doctor.Finding, action doctor.Action) (bool, error) {
	change, err := m.fixer.Preview(ctx, action)
	switch manager := managerOf(f, change); {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		m.refused(err)
		return false, nil
	case manager != "" && action.Verb != doctor.Restart: // a restart leaves the object as its manager wants it
		m.talk("managed", map[string]string{"manager": manager})
		return false, nil
	case change.Diff == "":
		m.talk("fixSkipped", nil)
		return false, nil
	}
	m.talk("fixPreview", map[string]string{"object": change.Object.String()})
	_, _ = io.WriteString(m.streams.Err, m.painted(change.Diff)) // as talk
	if agreed, err := m.agreed(ctx); err != nil || !agreed {
		return false, err
	}
	if action.Backup && change.Before != nil {
		if err := m.keep(change); err != nil {
			m.warn("nothing was changed: %v", err)
			return false, nil
		}
	}
	if err := m.fixer.Do(context.WithoutCancel(ctx), change); err != nil {
		m.refused(err)
		return false, ctx.Err()
	}
	m.talk("fixDone", map[string]string{"object": change.Object.String()})
	return true, ctx.Err()
}

func (v *visit) refused(err error) {
	v.talk("fixRefused", map[string]string{"message": strings.Map(printable, err.Error())})
}

// managerOf says who keeps the object of a change as it is: what the object says itself, else what the finding knows.
func managerOf(f *doctor.Finding, change fix.Change) string {
	if change.Object.Managed != "" {
		return change.Object.Managed
	}
	for _, object := range f.Objects {
		if object.Kind == change.Object.Kind && object.Namespace == change.Object.Namespace && object.Name == change.Object.Name {
			return object.Managed
		}
	}
	return ""
}

// agreed asks whether to make a change; --yes has answered before.
func (v *visit) agreed(ctx context.Context) (bool, error) {
	if v.flags.yes {
		return true, nil
	}
	_, _ = io.WriteString(v.streams.Err, v.text.UI("fixQuestion", nil)+" [y/N] ") // the answer tells whether it was seen
	answer, err := v.line(ctx)
	if err != nil {
		return false, err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return true, nil
	}
	v.talk("fixSkipped", nil)
	return false, nil
}

// keep writes the object as it was into a file that is not there yet.
func (v *visit) keep(change fix.Change) error {
	content, err := change.Backup()
	if err != nil {
		return err
	}
	file, err := newFile(change.BackupName(time.Now()))
	if err != nil {
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	v.talk("fixBackup", map[string]string{"object": change.Object.String(), "file": file.Name()})
	return nil
}

// maxBackups is how many copies of one object may be made within a second.
const maxBackups = 100

// newFile makes a file that was not there: two changes of one object within a second have a copy each.
func newFile(name string) (*os.File, error) {
	stem := strings.TrimSuffix(name, ".yaml")
	for n := 2; ; n++ {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // BackupName makes a plain name
		if !errors.Is(err, fs.ErrExist) || n > maxBackups {
			return file, err
		}
		name = fmt.Sprintf("%s-%d.yaml", stem, n)
	}
}

// painted makes a diff safe for a terminal, and colours it where that is wanted.
func (v *visit) painted(diff string) string {
	colours := map[byte]string{'-': "\x1b[31m", '+': "\x1b[32m"}
	var text strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(diff, "\n"), "\n") {
		line = strings.Map(printable, line)
		if line != "" && colours[line[0]] != "" && v.streams.colourful(v.streams.Err) {
			line = colours[line[0]] + line + "\x1b[0m"
		}
		text.WriteString("  " + line + "\n")
	}
	return text.String()
}

// lookAgain looks until what was mended is gone, for a while, and reports what is there then.
func (m *mender) lookAgain(ctx context.Context) error {
	m.talk("fixRecheck", nil)
	limit := time.After(mendedWithin)
	tick := time.NewTicker(mendedEvery)
	defer tick.Stop()
	for over := false; ; {
		looking, cancel := context.WithTimeout(ctx, m.limit())
		report, err := m.once(looking)
		cancel()
		if err != nil {
			return err
		}
		if over || !m.remains() {
			if err := m.print(report, m.options()); err != nil {
				return err
			}
			return verdict(report, m.flags.failOn)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			over = true
		case <-tick.C:
		}
	}
}

// remains reports whether anything that was mended is still found.
func (m *mender) remains() bool {
	for i := range m.findings {
		if m.findings[i].Problem() && slices.ContainsFunc(m.mended, func(f doctor.Finding) bool { return same(&f, &m.findings[i]) }) {
			return true
		}
	}
	return false
}

func same(a, b *doctor.Finding) bool {
	return a.ID == b.ID && a.Scope == b.Scope && slices.EqualFunc(a.Objects, b.Objects, func(x, y doctor.Object) bool { return x.String() == y.String() })
}

// unmended ends a run in which nothing was changed: the first look is the result.
func (v *visit) unmended(report doctor.Report) error {
	if v.doctorFormat() != "text" {
		if err := v.print(report, v.options()); err != nil {
			return err
		}
	}
	return verdict(report, v.flags.failOn)
}
