package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// strict makes every command group refuse words that it does not know, suggesting those it does,
// and every command refuse arguments that it did not ask for.
func strict(command *cobra.Command) {
	command.InitDefaultHelpFlag()
	if command.HasSubCommands() && command.Run == nil && command.RunE == nil {
		command.Args, command.RunE = cobra.ArbitraryArgs, group
	} else if command.Args == nil {
		command.Args = noArguments
	} else {
		command.Args = asUsage(command.Args)
	}
	for _, child := range command.Commands() {
		strict(child)
	}
}

func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if err := check(command, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

func noArguments(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("%q is an argument too many for %q", args[0], command.CommandPath())
}

func group(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return command.Help()
	}
	message := fmt.Sprintf("%q is not a command of %q", args[0], command.CommandPath())
	if near := command.SuggestionsFor(args[0]); len(near) > 0 {
		message += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return usagef("%s", message)
}

// explain tells a person what went wrong and what to type next.
func explain(streams Streams, command *cobra.Command, err error) {
	_, _ = io.WriteString(streams.Err, "Error: "+err.Error()+"\n") // nobody is left to tell if this fails
	if _, ok := err.(*usageError); ok { //nolint:errorlint // only the outermost error is about usage
		_, _ = fmt.Fprintf(streams.Err, "Help:  %s --help\n", command.CommandPath())
	}
}
