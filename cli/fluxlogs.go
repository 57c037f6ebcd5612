package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// fluxLogFlags are what flux logs can be told.
type fluxLogFlags struct {
	fluxFlags
	follow bool
	kind   string
	since  time.Duration
	tail   int
}

func fluxLogColumns() []column {
	return []column{
		{title: "Time", path: "time", write: clockTime},
		{title: "Level", path: "level"},
		{title: "Object", path: "@", write: fluxLogObject},
		{title: "Message", path: "@", write: fluxLogMessage},
	}
}

// fluxLogObject is what a line is about: an object, or the controller itself.
func fluxLogObject(value any) string {
	line, _ := value.(map[string]any)
	if kind := scalar(line["kind"]); kind != "" {
		return kind + "/" + scalar(line["namespace"]) + "/" + scalar(line["name"])
	}
	return scalar(line["controller"])
}

func fluxLogMessage(value any) string {
	line, _ := value.(map[string]any)
	text := scalar(line["message"])
	if reason := scalar(line["error"]); reason != "" {
		text = strings.TrimPrefix(text+": "+reason, ": ")
	}
	if skipped := scalar(line["skipped"]); skipped != "" {
		text += fmt.Sprintf(" (%s lines before this one are left out)", skipped)
	}
	return oneLine(text)
}

func newFluxLogsCommand(s *session) *cobra.Command {
	var flags fluxLogFlags
	command := &cobra.Command{
		Use: "logs", Short: "What Flux writes about a configuration",
		Long: `Show what the controllers of Flux in the cluster have written about a configuration, as far as the hub keeps it (the last 500 lines): about its
source, its kustomizations and the objects of Flux that these have applied, and errors of the controllers themselves. With --follow, go
on with what they write now, until Ctrl-C. Followed as JSON, each line is one of its own. What looks like a secret is taken out in the
cluster.`,
		Example: `  fairlead k8s-configuration flux logs -g shops -c edge-1 -t connectedClusters -n shop --follow
  fairlead k8s-configuration flux logs -g shops -c edge-1 -t connectedClusters -n shop --kind Kustomization --since 10m --tail 20
  fairlead k8s-configuration flux logs -g shops -c edge-1 -t connectedClusters -n shop --query "[?level=='error']" -o json`,
		RunE: func(command *cobra.Command, _ []string) error { return s.fluxLogs(command.Context(), flags) },
	}
	nameFlux(command, &flags.fluxFlags)
	command.Flags().BoolVarP(&flags.follow, "follow", "w", false, "go on with what is written now")
	command.Flags().StringVar(&flags.kind, "kind", "", "only lines about objects of a kind, such as Kustomization or GitRepository")
	command.Flags().DurationVar(&flags.since, "since", 0, "only what was written so long ago at most, such as 10m")
	command.Flags().IntVar(&flags.tail, "tail", -1, "only so many lines of those that there are, the last ones; -1 for all")
	return command
}

func (f fluxLogFlags) check() error {
	if f.since < 0 {
		return usagef("--since: a span such as 10m is expected")
	}
	if f.tail < -1 {
		return usagef("--tail: a number of lines is expected, or -1 for all")
	}
	kinds := append(fluxKinds(), "ExternalArtifact", "ArtifactGenerator", "Alert", "Provider", "Receiver")
	if f.kind != "" && !slices.ContainsFunc(kinds, func(one string) bool { return strings.EqualFold(one, f.kind) }) {
		return usagef("--kind: %.60q is none of %s", f.kind, strings.Join(kinds, ", "))
	}
	return nil
}

func (s *session) fluxLogs(ctx context.Context, flags fluxLogFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	hub, id, err := s.locateFlux(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	return flags.notThere(s.showFluxLogs(ctx, hub.Hub, id, flags))
}

func (s *session) showFluxLogs(ctx context.Context, hub *client.Hub, id fairlead.ResourceID, flags fluxLogFlags) error {
	from := time.Now().Add(-flags.since)
	seen := &following[fairlead.FluxLog]{session: s, columns: fluxLogColumns(), widths: []int{8, 5, 36}, wanted: func(line fairlead.FluxLog) bool {
		return (flags.since == 0 || !line.Time.Before(from)) && (flags.kind == "" || strings.EqualFold(line.Kind, flags.kind))
	}}
	all, next, err := hub.PastFluxLogs(ctx, id, lateEvents)
	if err != nil {
		return err
	}
	all = lastLines(seen.kept(all), flags.tail)
	if !flags.follow {
		return seen.all(all, "Nothing of that has been written yet. --follow waits for it.")
	}
	if err := seen.print(all); err != nil {
		return err
	}
	return hub.FollowFluxLogs(ctx, id, next, seen.print)
}

// lastLines orders lines by their time, since controllers write at once, and returns the last ones.
func lastLines(lines []fairlead.FluxLog, tail int) []fairlead.FluxLog {
	slices.SortStableFunc(lines, func(a, b fairlead.FluxLog) int { return a.Time.Compare(b.Time) })
	if tail < 0 || tail > len(lines) {
		return lines
	}
	return lines[len(lines)-tail:]
}
