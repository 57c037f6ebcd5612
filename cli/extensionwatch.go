package cli

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// lateEvents is how long events may come after the end that they explain: another agent sends them.
const lateEvents = 2 * time.Second

// atOnce is how long a hub may take to say which events there are.
const atOnce = 500 * time.Millisecond

// extensionWatch sees a change of an extension through: it shows what happens in the cluster while the hub waits for its end.
type extensionWatch struct {
	session *session
	hub     *signedIn
	id      fairlead.ResourceID
	title   string
	words   string // flags that name the extension in other commands
	since   int64  // events up to this number are of earlier changes
	report  *progress
}

func (s *session) watchExtension(hub *signedIn, id fairlead.ResourceID, title, words string) *extensionWatch {
	return &extensionWatch{session: s, hub: hub, id: id, title: title, words: words, report: s.progress()}
}

// see waits until the hub is done and reads the result into v.
func (w *extensionWatch) see(ctx context.Context, begun *client.Begun, v any) error {
	w.report.Begin(w.title)
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		_ = w.hub.FollowExtension(following, w.id, w.since, w.tell) // who waits for the end can do without events
	}()
	err := begun.Wait(ctx, v)
	if err != nil && ctx.Err() == nil {
		w.linger(ctx, followed)
	}
	cancel()
	<-followed
	w.report.End("", err)
	return w.explained(ctx, err)
}

// linger gives the last events time to come.
func (w *extensionWatch) linger(ctx context.Context, followed <-chan struct{}) {
	timer := time.NewTimer(lateEvents)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-followed:
	case <-timer.C:
	}
}

// tell shows events: on a terminal all, elsewhere those that a log should have.
func (w *extensionWatch) tell(events []fairlead.ExtensionEvent) error {
	for _, event := range events {
		w.report.Note(oneLine(event.Reason + " " + cmp.Or(event.Object, event.Message)))
		if w.report.live || event.Level != "Information" {
			w.report.Say("  " + eventLine(event))
		}
	}
	return nil
}

func eventLine(event fairlead.ExtensionEvent) string {
	parts := []string{event.Time.Local().Format(time.TimeOnly), event.Reason}
	if event.Level != "Information" {
		parts = []string{parts[0], strings.ToUpper(event.Level), event.Reason}
	}
	if event.Object != "" {
		parts = append(parts, event.Object)
	}
	return oneLine(strings.Join(parts, " ") + ": " + event.Message)
}

// explained adds to an error what the hub knows of its cause, and what to type next.
func (w *extensionWatch) explained(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &hinted{err, "fairlead k8s-extension events" + w.words + " --follow   (the cluster goes on without anybody who waits)"}
	}
	failure := client.FailureOf(err)
	if failure == nil {
		return err
	}
	cause := failure.Extension()
	if cause == nil || cause.Cause == "" && len(cause.Evidence) == 0 {
		if found, got := w.hub.Extension(ctx, w.id); got == nil && found.Properties.ErrorInfo != nil {
			cause = better(cause, found.Properties.ErrorInfo)
		}
	}
	return extensionFailed(err, cause, w.words)
}

func better(cause *fairlead.ExtensionError, info *client.Failure) *fairlead.ExtensionError {
	if found := info.Extension(); found != nil {
		return found
	}
	if cause == nil {
		return &fairlead.ExtensionError{Code: info.Code, Message: info.Message, Target: info.Target}
	}
	return cause
}

// extensionFailed is the error of a failed change of an extension as a person reads it.
func extensionFailed(err error, cause *fairlead.ExtensionError, words string) error {
	next := "fairlead k8s-extension events" + words
	if cause == nil {
		return &hinted{err, next}
	}
	return causeTold(err, cause, next)
}

// causeTold is the error of a failed change as a person reads it: what the hub says, then the cause, what it is about, what was
// seen where, and what to type, which next ends.
func causeTold(err error, cause *fairlead.ExtensionError, next ...string) error {
	var page strings.Builder
	page.WriteString(err.Error())
	if cause.Message != "" && !strings.Contains(err.Error(), cause.Message) {
		page.WriteString("\n  (" + cause.Code + ") " + cause.Message)
	}
	for _, part := range []struct{ name, text string }{
		{"Object", cause.Target}, {"Cause", cause.Cause}, {"Seen", strings.Join(cause.Evidence, "\n")},
	} {
		if part.text != "" {
			page.WriteString("\n" + labelled(part.name, part.text))
		}
	}
	if cause.DoctorID != "" {
		next = append(next, "fairlead explain "+cause.DoctorID)
	}
	return &hinted{&told{err, strings.Map(printableLine, page.String())}, strings.Join(append(cause.Remedies, next...), "\n       or ")}
}

// labelled writes a text behind its name, its further lines below the first.
func labelled(name, text string) string {
	const indent = "           "
	return "  " + name + ":" + indent[len(name)+3:] + strings.ReplaceAll(text, "\n", "\n"+indent)
}

// printableLine is printable for text of several lines.
func printableLine(r rune) rune {
	if r == '\n' {
		return r
	}
	return printable(r)
}

// told is an error in other words.
type told struct {
	err   error
	words string
}

func (t *told) Error() string { return t.words }

func (t *told) Unwrap() error { return t.err }

// skipPast learns the number of the newest event, so that only what follows is shown. Who changes an extension can do without.
func (w *extensionWatch) skipPast(ctx context.Context) {
	_, w.since, _ = w.hub.PastExtensionEvents(ctx, w.id, w.since, atOnce)
}
