package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// also gives a flag other names, as az has them. They are in the flag's own description, not in lists of flags.
func also(command *cobra.Command, name string, others ...string) {
	flag := command.Flags().Lookup(name)
	for _, other := range others {
		twin := *flag
		twin.Name, twin.Shorthand, twin.Hidden = other, "", true
		command.Flags().AddFlag(&twin)
	}
	flag.Usage += " (also --" + strings.Join(others, ", --") + ")"
}

// tristate is a flag that takes true or false, or no word for true, as az has it; unset it is neither.
type tristate struct{ into **bool }

// offerTristate gives a command such a flag.
func offerTristate(command *cobra.Command, into **bool, name, usage string) {
	command.Flags().Var(&tristate{into}, name, usage)
	command.Flags().Lookup(name).NoOptDefVal = "true"
}

func (t *tristate) String() string {
	if t.into == nil || *t.into == nil {
		return ""
	}
	return (&truth{*t.into}).String()
}

// Set takes true or false, in any case.
func (t *tristate) Set(text string) error {
	value := new(bool)
	if err := (&truth{value}).Set(text); err != nil {
		return err
	}
	*t.into = value
	return nil
}

// Type is what help calls the value.
func (*tristate) Type() string { return "true|false" }
