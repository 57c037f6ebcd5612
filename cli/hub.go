package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func newHubCommand(_ Streams) *cobra.Command {
	return &cobra.Command{
		Use: "hub", Short: "Not part of this build yet",
		RunE: func(*cobra.Command, []string) error { return errors.New("this build has no hub yet") },
	}
}
