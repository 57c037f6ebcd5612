package cli

import (
	_ "embed" // for the unit file
	"strings"

	"github.com/spf13/cobra"
)

//go:embed fairlead-hub.service
var hubUnit string

func newHubUnitCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "systemd-unit", Short: "Print the systemd unit of a hub",
		Long: `Print a unit for systemd that runs a hub as user fairlead, with /etc/fairlead/hub.yaml as its configuration and
/var/lib/fairlead as its data folder, shut off from the rest of the machine. Its first lines say how to install it.`,
		Example: "  fairlead hub systemd-unit > /etc/systemd/system/fairlead-hub.service",
		RunE:    func(*cobra.Command, []string) error { return s.say(s.streams.Out, strings.TrimSuffix(hubUnit, "\n")) },
	}
}
