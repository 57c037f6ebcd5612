package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// asUsageError makes errors about what a command line names errors of usage; nil stays nil.
func asUsageError(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// strict makes every command group refuse words that it does not know, suggesting those it does,
// and every command refuse arguments that it did not ask for.
func strict(command *cobra.Command) {
	command.InitDefaultHelpFlag()
	command.SuggestionsMinimumDistance = 2
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
			return miscounted(command, args, err)
		}
		return nil
	}
}

// miscounted says by the words of a command's usage which argument is missing, or is one too many.
func miscounted(command *cobra.Command, args []string, err error) error {
	wanted := strings.Fields(command.Use)[1:]
	switch {
	case len(args) < len(wanted) && !strings.HasPrefix(wanted[len(args)], "-"):
		return usagef("%s is missing", wanted[len(args)])
	case len(args) > len(wanted):
		return usagef("%q is an argument too many for %q", args[len(wanted)], command.CommandPath())
	}
	return &usageError{err}
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

// misread explains a flag that cannot be read. Behind a mistyped command every flag is unknown, so that the
// command is what to talk about.
func misread(command *cobra.Command, err error) error {
	if words := command.Flags().Args(); command.HasSubCommands() && len(words) > 0 {
		return group(command, words)
	}
	return &usageError{err}
}

// failure is an error of a command that ran. Whatever comes from cobra before that, such as a
// required flag that is missing, is about usage.
type failure struct{ err error }

func (e *failure) Error() string { return e.err.Error() }

func (e *failure) Unwrap() error { return e.err }

// mark makes every command's errors tell that it ran.
func mark(command *cobra.Command) {
	if run := command.RunE; run != nil {
		command.RunE = func(command *cobra.Command, args []string) error {
			if err := run(command, args); err != nil {
				return &failure{err}
			}
			return nil
		}
	}
	for _, child := range command.Commands() {
		mark(child)
	}
}

// sortOut tells errors of usage from those of commands that ran.
func sortOut(err error) error {
	var ran *failure
	var usage *usageError
	switch {
	case err == nil || errors.As(err, &usage):
		return err
	case errors.As(err, &ran):
		return ran.err
	}
	return &usageError{plainer(err)}
}

// plainer puts cobra's messages about flags into words.
func plainer(err error) error {
	message := err.Error()
	for from, to := range map[string]string{
		"at least one of the flags in the group": "one of these flags is missing:",
		"if any flags in the group":              "these flags exclude each other:",
	} {
		_, rest, found := strings.Cut(message, from)
		names, _, closed := strings.Cut(strings.TrimLeft(rest, " ["), "]")
		if found && closed {
			return errors.New(to + " --" + strings.ReplaceAll(names, " ", ", --"))
		}
	}
	if names, found := strings.CutPrefix(message, "required flag(s) "); found {
		return errors.New("missing: --" + strings.ReplaceAll(strings.TrimSuffix(strings.ReplaceAll(names, `"`, ""), " not set"), ", ", ", --"))
	}
	return err
}
