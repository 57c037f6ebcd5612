// Package connect brings a Kubernetes cluster to a hub and takes it away again: pre-flight, registration, the
// agents' Helm release, the wait for what they report, and the same backwards. Each is a list of steps that undo
// themselves. The package never prints: it reports to a Reporter. It knows nothing of the hub's or the agents' inside.
package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// undoTimeout bounds what is done after a failure or an interruption.
const undoTimeout = 3 * time.Minute

const askEvery = 250 * time.Millisecond

// Reporter is told what happens. Its methods are called by one goroutine at a time.
type Reporter interface {
	// Begin says that a step starts.
	Begin(step string)
	// Note says what the step is doing, or waiting for, now.
	Note(text string)
	// End says that the step is done, with what it found worth telling, or why it failed.
	End(result string, err error)
}

// Step is one part of a long operation.
type Step struct {
	Name string
	// Run does it and returns what is worth telling about it, which may be nothing.
	Run func(ctx context.Context) (string, error)
	// Undo takes back what Run has done in this run, completely or in part; nil when there is nothing to take back.
	// Its error may be one of staysf.
	Undo func(ctx context.Context) error
}

// Failure is a step that failed. Remains says what could not be taken back, Stays what was there before this run
// and is left, changed by it or not.
type Failure struct {
	Step    string
	Err     error
	Remains []error
	Stays   []string
}

func (e *Failure) Error() string {
	text := fmt.Sprintf("%s: %v", strings.ToLower(e.Step[:1])+e.Step[1:], e.Err)
	var remains []string
	for _, err := range e.Remains {
		remains = append(remains, err.Error())
	}
	return text + listed("What this run had begun could not be taken back completely:", remains) +
		listed("What was there before this run stays:", e.Stays)
}

func listed(title string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "\n" + title + "\n  - " + strings.Join(lines, "\n  - ")
}

// stays is what an Undo leaves, because it was there before.
type stays struct{ text string }

func (s *stays) Error() string { return s.text }

func staysf(format string, args ...any) error { return &stays{fmt.Sprintf(format, args...)} }

func (e *Failure) Unwrap() error { return e.Err }

// Run takes the steps in order. When one fails, or ctx ends, what has been done is undone, last step first.
func Run(ctx context.Context, report Reporter, steps []Step) error {
	for i, step := range steps {
		err := ctx.Err()
		if err == nil {
			err = take(ctx, report, step)
		}
		if err == nil {
			continue
		}
		failure := &Failure{Step: step.Name, Err: interrupted(ctx, err)}
		failure.undo(ctx, report, steps[:i+1])
		return failure
	}
	return nil
}

func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted: %w", err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", context.Canceled)
	}
	return err
}

func take(ctx context.Context, report Reporter, step Step) error {
	report.Begin(step.Name)
	result, err := step.Run(ctx)
	report.End(result, err)
	return err
}

// undo takes steps back, last first, whatever has become of ctx.
func (e *Failure) undo(ctx context.Context, report Reporter, steps []Step) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for _, step := range slices.Backward(steps) {
		if step.Undo == nil {
			continue
		}
		report.Begin("Take back: " + strings.ToLower(step.Name[:1]) + step.Name[1:])
		err := step.Undo(ctx)
		var left *stays
		switch {
		case errors.As(err, &left):
			e.Stays = append(e.Stays, left.text)
			report.End("stays as it is", nil)
			continue
		case err != nil:
			e.Remains = append(e.Remains, err)
		}
		report.End("", err)
	}
}

// until asks four times a second until done says so, it fails, or ctx ends.
func until(ctx context.Context, done func(ctx context.Context) (bool, error)) error {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		finished, err := done(ctx)
		if finished || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
