package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/hub"
)

func newHubResetCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "reset-administrator", Short: "Give the hub's first administrator a new secret",
		Long: `Give the hub's first administrator a new secret, and show it once; secrets that it had stop working. It is for whoever
can read the hub's data folder and has lost every other way in. The hub may be running.`,
		Example: "  fairlead hub reset-administrator --data /var/lib/fairlead\n  kubectl exec -n fairlead statefulset/fairlead-hub -- /fairlead hub reset-administrator",
	}
	load := bindHub(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		config, err := load()
		if err != nil {
			return err
		}
		return s.hubReset(command.Context(), config)
	}
	return command
}

func (s *session) hubReset(ctx context.Context, config hub.Config) error {
	administrator, err := hub.ResetAdministrator(ctx, config)
	if err != nil {
		return err
	}
	return s.show(map[string]string{
		"tenant": administrator.TenantID, "appId": administrator.AppID, "password": string(administrator.Secret),
	}, []column{{title: "Tenant", path: "tenant"}, {title: "Application", path: "appId"}, {title: "Secret", path: "password"}})
}
