package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/doctor/render"
)

// isDoctor reports whether a command is doctor's or explain, which have exit codes and formats of their own.
func isDoctor(command *cobra.Command) bool {
	return command != nil && (strings.HasPrefix(command.CommandPath(), "fairlead doctor") || command.CommandPath() == "fairlead explain" || command.CommandPath() == "fairlead connectedk8s troubleshoot")
}

func doctorFormats(command *cobra.Command) []string {
	switch command.CommandPath() {
	case "fairlead doctor":
		return render.Formats()
	case "fairlead connectedk8s troubleshoot":
		return formats()
	}
	return []string{"text", "json", "yaml"}
}

// offerFormats gives a command an --output that names its own formats instead of those of az.
func (s *session) offerFormats(command *cobra.Command, known []string) {
	command.Flags().StringVarP(&s.output, "output", "o", s.output, "output format: "+strings.Join(known, "|")+" (default: "+known[0]+")")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// doctorExit keeps the codes of findings apart from those of failures.
func doctorExit(ctx context.Context, err error) int {
	var own *exitError
	var usage *usageError
	switch {
	case err == nil:
		return doctorHealthy
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &usage):
		return doctorUsage
	case ctx.Err() != nil:
		return ExitInterrupted
	}
	return doctorBroken
}
