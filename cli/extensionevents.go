package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
)

// extensionEventFlags are what k8s-extension events can be told.
type extensionEventFlags struct {
	extensionFlags
	follow bool
	since  time.Duration
}

func eventColumns() []column {
	return []column{
		{title: "Time", path: "time", write: clockTime},
		{title: "Level", path: "level"},
		{title: "Reason", path: "reason"},
		{title: "Object", path: "object"},
		{title: "Message", path: "message", write: messageLine},
	}
}

// messageLine is a message in one line: what agents quote, such as the end of a log, may have several.
func messageLine(value any) string {
	text, _ := value.(string)
	return oneLine(text)
}

// clockTime is a time of today by its clock, another with its date.
func clockTime(value any) string {
	stamp, _ := value.(string)
	then, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return scalar(value)
	}
	if then = then.Local(); time.Since(then) < 24*time.Hour {
		return then.Format(time.TimeOnly)
	}
	return then.Format(time.DateTime)
}

const maxBeginning = 80 // characters

// beginning is as much of a text as a table has room for.
func beginning(value any) string {
	text := []rune(scalar(value))
	if len(text) <= maxBeginning {
		return string(text)
	}
	return string(text[:maxBeginning-1]) + "…"
}

func newExtensionEventsCommand(s *session) *cobra.Command {
	var flags extensionEventFlags
	command := &cobra.Command{
		Use: "events", Short: "What happens to an extension in its cluster",
		Long: `Show what the agents have done for an extension and what its objects said, oldest first; with --follow, go on with what happens now,
until Ctrl-C. Followed as JSON, each event is a line of its own.`,
		Example: `  fairlead k8s-extension events -g shops -c edge-1 -t connectedClusters -n web --follow
  fairlead k8s-extension events -g shops -c edge-1 -t connectedClusters -n web --since 15m -o table`,
		RunE: func(command *cobra.Command, _ []string) error { return s.extensionEvents(command.Context(), flags) },
	}
	nameExtension(command, &flags.extensionFlags)
	command.Flags().BoolVarP(&flags.follow, "follow", "w", false, "go on with what happens now")
	command.Flags().DurationVar(&flags.since, "since", 0, "only what happened so long ago at most, such as 15m")
	return command
}

func (s *session) extensionEvents(ctx context.Context, flags extensionEventFlags) error {
	if flags.since < 0 {
		return usagef("--since: a span such as 15m is expected")
	}
	hub, id, err := s.locateExtension(ctx, flags.extensionFlags)
	if err != nil {
		return err
	}
	seen := &following[fairlead.ExtensionEvent]{session: s, columns: eventColumns(), widths: []int{8, 11, 14, 32}}
	if from := time.Now().Add(-flags.since); flags.since > 0 {
		seen.wanted = func(event fairlead.ExtensionEvent) bool { return !event.Time.Before(from) }
	}
	if flags.follow {
		if _, err := hub.Extension(ctx, id); err != nil {
			return flags.notThere(err) // following itself waits for a hub that is away
		}
		return flags.notThere(hub.FollowExtension(ctx, id, 0, seen.print))
	}
	all, _, err := hub.PastExtensionEvents(ctx, id, 0, lateEvents)
	if err != nil {
		return flags.notThere(err)
	}
	return seen.all(all, "Nothing has happened yet. --follow waits for it.")
}
