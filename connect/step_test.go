package connect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

type recorder struct{ lines []string }

func (r *recorder) Begin(step string) { r.lines = append(r.lines, "begin "+step) }
func (r *recorder) Note(string)       {}
func (r *recorder) End(_ string, err error) {
	if err != nil {
		r.lines = append(r.lines, "failed")
	}
}

func TestRunUndoesWhatWasBegunLastFirst(t *testing.T) {
	var done []string
	step := func(name string, fails error) Step {
		return Step{
			Name: name,
			Run:  func(context.Context) (string, error) { done = append(done, name); return "", fails },
			Undo: func(ctx context.Context) error { done = append(done, "undo "+name); return ctx.Err() },
		}
	}
	broken := errors.New("broken")
	report := &recorder{}
	err := Run(t.Context(), report, []Step{step("A", nil), {Name: "Pure", Run: step("pure", nil).Run}, step("B", broken), step("C", nil)})
	if !errors.Is(err, broken) || strings.Contains(err.Error(), "taken back") {
		t.Errorf("error %v", err)
	}
	if want := []string{"A", "pure", "B", "undo B", "undo A"}; !slices.Equal(done, want) {
		t.Errorf("did %v, want %v", done, want)
	}
}

func TestRunUndoesAfterAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	undone := false
	err := Run(ctx, &recorder{}, []Step{{
		Name: "Wait",
		Run:  func(ctx context.Context) (string, error) { cancel(); return "", context.Cause(ctx) },
		Undo: func(ctx context.Context) error { undone = ctx.Err() == nil; return ctx.Err() },
	}})
	if !undone || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("undone with a live context: %t; error %v", undone, err)
	}
}

func TestRunSaysWhatStays(t *testing.T) {
	report := &recorder{}
	err := Run(t.Context(), report, []Step{{
		Name: "Install",
		Run:  func(context.Context) (string, error) { return "", errors.New("broken") },
		Undo: func(context.Context) error { return staysf("release %s", "azure-arc") },
	}})
	if err == nil || !strings.Contains(err.Error(), "before this run stays:\n  - release azure-arc") || strings.Contains(err.Error(), "taken back") {
		t.Errorf("error %v", err)
	}
	if want := []string{"begin Install", "failed", "begin Take back: install"}; !slices.Equal(report.lines, want) {
		t.Errorf("reported %q, want %q: what stays on purpose is no failure", report.lines, want)
	}
}

func TestRunSaysWhatRemains(t *testing.T) {
	err := Run(t.Context(), &recorder{}, []Step{{
		Name: "Install",
		Run:  func(context.Context) (string, error) { return "", errors.New("broken") },
		Undo: func(context.Context) error { return errors.New("namespace azure-arc is left") },
	}})
	var failure *Failure
	if !errors.As(err, &failure) || len(failure.Remains) != 1 || !strings.Contains(err.Error(), "namespace azure-arc is left") {
		t.Errorf("error %v", err)
	}
}
