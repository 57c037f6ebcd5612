package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub"
)

func newHubCheckCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "check", Short: "Check what a hub needs: configuration, data folder, disk, database, certificates, names, port",
		Long: `Check what a hub needs before it is started, or while it runs: configuration, data folder, free disk,
database, master key, certificates, the names under which it is reached, its port, and how many connections the
system lets it hold. It takes the settings of fairlead hub and changes nothing.

The exit code is 1 when a check fails; warnings alone end with 0.`,
		Example: "  fairlead hub check\n  fairlead hub check --config /etc/fairlead/hub.yaml -o json\n  fairlead hub check --url https://hub.example.org --tls-cert tls.crt --tls-key tls.key",
	}
	load := bindHub(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		config, err := load()
		if err != nil {
			return err
		}
		return s.hubCheck(command.Context(), config)
	}
	return command
}

func (s *session) hubCheck(ctx context.Context, config hub.Config) error {
	results := hub.Check(ctx, config)
	if err := s.show(results, []column{
		{title: "Status", path: "status"}, {title: "Check", path: "check"}, {title: "Found", path: "found"}, {title: "Next", path: "next"},
	}); err != nil {
		return err
	}
	failed := 0
	for _, result := range results {
		if result.Status == hub.CheckFailed {
			failed++
		}
	}
	if failed > 0 {
		return fairlead.Errorf(fairlead.Invalid, "%d of %d checks failed: see column Next for what mends them", failed, len(results))
	}
	return ctx.Err()
}
