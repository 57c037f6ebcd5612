package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func newAgentCommand(_ Streams) *cobra.Command {
	return &cobra.Command{
		Use: "agent", Short: "Not part of this build yet",
		RunE: func(*cobra.Command, []string) error { return errors.New("this build has no agent yet") },
	}
}
