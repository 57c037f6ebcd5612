package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/connect"
)

// recordingFlags name a recording, and say what to do with it.
type recordingFlags struct {
	clusterFlags
	id, file string
	speed    float64
	idle     time.Duration
	most     int
}

func recordingColumns() []column {
	return []column{
		{title: "Id", path: "name"},
		{title: "Started", path: "properties.startTime", write: ago},
		{title: "State", path: "properties.state"},
		{title: "Caller", path: "properties.caller"},
		{title: "Verb", path: "properties.verb"},
		{title: "Namespace", path: "properties.namespace"},
		{title: "Pod", path: "properties.pod"},
		{title: "Command", path: "properties.command"},
		{title: "Bytes", path: "properties.sizeBytes"},
	}
}

func newRecordingCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "recording", Short: "Recorded sessions in a connected cluster",
		Long: `List, download and play what was shown in sessions of exec and attach that went through the hub, in clusters whose sessions
are recorded: fairlead connectedk8s update --session-recording on.`,
		Example: "  fairlead connectedk8s recording list -n edge-1 -g shops -o table\n  fairlead connectedk8s recording play -n edge-1 -g shops --id ID",
	}
	command.AddCommand(newRecordingListCommand(s), newRecordingShowCommand(s), newRecordingDownloadCommand(s), newRecordingPlayCommand(s))
	return command
}

func newRecordingListCommand(s *session) *cobra.Command {
	var flags recordingFlags
	command := &cobra.Command{
		Use: "list", Short: "List the recordings of a cluster, newest first",
		Long:    "List the recordings of a cluster, newest first. What the command of a session was is shown to those who may download recordings.",
		Example: "  fairlead connectedk8s recording list -n edge-1 -g shops -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			if flags.most < 1 {
				return usagef("--max-items: a number above 0 is expected")
			}
			hub, id, err := s.locate(command.Context(), flags.clusterFlags)
			if err != nil {
				return err
			}
			found, err := hub.Some(command.Context(), id.String()+"/recordings", client.ClusterVersion, nil, flags.most)
			if err != nil {
				return err
			}
			return s.list(found, recordingColumns(), "No recordings. Have sessions recorded: fairlead connectedk8s update -n NAME -g GROUP --session-recording on")
		},
	}
	nameCluster(command, &flags.clusterFlags)
	command.Flags().IntVar(&flags.most, "max-items", 200, "how many recordings to show at most")
	return command
}

func newRecordingShowCommand(s *session) *cobra.Command {
	var flags recordingFlags
	command := &cobra.Command{
		Use: "show", Short: "Show what is known of a recording",
		Long:    "Show who had a session, when, where, and whether it was recorded to its end. The exit code is 3 when there is no such recording.",
		Example: "  fairlead connectedk8s recording show -n edge-1 -g shops --id ID",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, cluster, err := s.locateRecording(command.Context(), &flags)
			if err != nil {
				return err
			}
			document := client.Document{}
			if err := hub.Get(command.Context(), cluster.String()+"/recordings/"+flags.id, client.ClusterVersion, &document); err != nil {
				return err
			}
			return s.show(document, recordingColumns())
		},
	}
	nameRecording(command, &flags)
	return command
}

func newRecordingDownloadCommand(s *session) *cobra.Command {
	var flags recordingFlags
	command := &cobra.Command{
		Use: "download", Short: "Write a recording to a file",
		Long: `Write a recording to a file in the form asciicast v2, which asciinema and others play. It may hold secrets that somebody has
looked at: only you can read the file, and that you have it is in the activity log.`,
		Example: "  fairlead connectedk8s recording download -n edge-1 -g shops --id ID --file session.cast\n  fairlead connectedk8s recording download -n edge-1 -g shops --id ID --file - | asciinema play -",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.recordingDownload(command.Context(), flags)
		},
	}
	nameRecording(command, &flags)
	command.Flags().StringVarP(&flags.file, "file", "f", "", "file to write, which must not exist; - for standard output (default: ID.cast)")
	return command
}

func newRecordingPlayCommand(s *session) *cobra.Command {
	var flags recordingFlags
	command := &cobra.Command{
		Use: "play", Short: "Play a recording in this terminal",
		Long: `Play a recording in this terminal as it went, with long pauses made shorter; without a terminal, print what was shown at once.
What steers the terminal beyond colours and the cursor, such as its title or clipboard, is left out. Ctrl-C ends it.`,
		Example: "  fairlead connectedk8s recording play -n edge-1 -g shops --id ID --speed 2",
		RunE: func(command *cobra.Command, _ []string) error {
			if flags.speed <= 0 || flags.idle < 0 {
				return usagef("--speed is a number above 0, and --idle-time-limit a duration such as 2s")
			}
			return s.recordingPlay(command.Context(), flags)
		},
	}
	nameRecording(command, &flags)
	command.Flags().Float64Var(&flags.speed, "speed", 1, "how many times as fast as it went")
	command.Flags().DurationVar(&flags.idle, "idle-time-limit", 2*time.Second, "the longest pause")
	return command
}

func nameRecording(command *cobra.Command, flags *recordingFlags) {
	nameCluster(command, &flags.clusterFlags)
	command.Flags().StringVar(&flags.id, "id", "", "id of the recording, from recording list")
	mustFlag(command, "id")
}

// locateRecording finds the cluster, and takes the recording's id as list shows it: the short one, or the whole.
func (s *session) locateRecording(ctx context.Context, flags *recordingFlags) (*signedIn, fairlead.ResourceID, error) {
	given := flags.id
	of := ""
	if at := strings.LastIndex(given, "/"); at >= 0 {
		of, flags.id = given[:at], given[at+1:]
	}
	if uuid.Validate(flags.id) != nil {
		return nil, fairlead.ResourceID{}, usagef("--id: %q is not the id of a recording; see fairlead connectedk8s recording list", given)
	}
	hub, cluster, err := s.locate(ctx, flags.clusterFlags)
	if err == nil && of != "" && !strings.EqualFold(of, cluster.String()+"/recordings") {
		return nil, cluster, usagef("--id: %q is not of the cluster %s", given, cluster.String())
	}
	return hub, cluster, err
}

func (s *session) recordingDownload(ctx context.Context, flags recordingFlags) error {
	hub, cluster, err := s.locateRecording(ctx, &flags)
	if err != nil {
		return err
	}
	if flags.file == "-" {
		return hub.Recording(ctx, cluster, flags.id, s.streams.Out)
	}
	name := first(flags.file, flags.id+".cast")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the caller names it
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "--file cannot be made: %w", err)
	}
	if err := errors.Join(hub.Recording(ctx, cluster, flags.id, file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return s.say(s.streams.Err, fmt.Sprintf("The recording is in %s.", name))
}

func (s *session) recordingPlay(ctx context.Context, flags recordingFlags) error {
	hub, cluster, err := s.locateRecording(ctx, &flags)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, into := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = into.CloseWithError(hub.Recording(ctx, cluster, flags.id, into)) // always nil
	}()
	defer func() { cancel(); _ = from.Close(); <-done }()
	player := &player{out: s.streams.Out, speed: flags.speed, idle: flags.idle}
	if !s.streams.terminal(s.streams.Out) {
		player.idle = 0
	}
	return player.play(ctx, from)
}

// recordings reads what is to be recorded. Off is off for what is typed as well: else it would be recorded again, unsaid,
// as soon as somebody switches recording on.
func (f *updateFlags) recordings(changes *connect.Changes) (err error) {
	if changes.SessionRecording, err = readSwitch("--session-recording", f.recording); err != nil {
		return err
	}
	if changes.SessionRecordingInput, err = readSwitch("--session-recording-input", f.recordingInput); err != nil {
		return err
	}
	if changes.SessionRecording != switchedOff {
		return nil
	}
	if changes.SessionRecordingInput == switchedOn {
		return usagef("--session-recording-input on: what is typed is recorded only with --session-recording on")
	}
	changes.SessionRecordingInput = switchedOff
	return nil
}

// checkRecording refuses to record what is typed where nothing is recorded: it would begin later, and surprise.
func (h *signedIn) checkRecording(ctx context.Context, id fairlead.ResourceID, changes connect.Changes) error {
	if changes.SessionRecordingInput != switchedOn || changes.SessionRecording != "" {
		return nil
	}
	document := client.Document{}
	if err := h.Get(ctx, id.String(), client.ClusterVersion, &document); err != nil {
		return err
	}
	now, err := connect.ReadRecording(document)
	if err != nil || now.Output {
		return err
	}
	return &hinted{
		fairlead.Errorf(fairlead.Conflict, "sessions in %s are not recorded, and so is nothing that is typed", id.Name()).WithCode("RecordingOff"),
		"fairlead connectedk8s update -n " + id.Name() + " -g " + id.ResourceGroup + " --session-recording on --session-recording-input on",
	}
}

const (
	switchedOn  = "Enabled"
	switchedOff = "Disabled"
)

// readSwitch reads on and off as the words of the API.
func readSwitch(flag, value string) (string, error) {
	switch strings.ToLower(value) {
	case "":
		return "", nil
	case "on", "true":
		return switchedOn, nil
	case "off", "false":
		return switchedOff, nil
	}
	return "", usagef("%s: %q is neither on nor off", flag, value)
}
