package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/doctor/probe/payload"
	"github.com/fairlead/fairlead/hub"
)

func newHubCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use:   "hub",
		Short: "Run a hub",
		Long: `Run a hub: the control plane to which people sign in and clusters connect, on one HTTPS port.

The first start makes everything that is missing (keys, authority, tenant, subscription, resource group
default) and shows the credential of an administrator, once. Later starts go on with what the data folder
holds. SIGINT and SIGTERM stop the hub within ten seconds.

Each flag has an environment variable (--log-level is FAIRLEAD_HUB_LOG_LEVEL) and a key in the YAML file
that --config names (logLevel; locations is a list). Flags win over variables, variables over the file.`,
		Example: `  fairlead hub
  fairlead hub --data /var/lib/fairlead --listen :443 --url https://hub.example.org
  fairlead hub --data ./hub --admin-credential-file ./admin.json`,
		Args: cobra.NoArgs,
	}
	load := bindHub(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		config, err := load()
		if err != nil {
			return err
		}
		return runHub(command.Context(), config, s.streams)
	}
	for _, tool := range hubTools(s) {
		tool.PersistentPreRunE = func(command *cobra.Command, _ []string) error { return s.check(command) }
		s.shareOutput(tool)
		strict(tool)
		command.AddCommand(tool)
	}
	// These make files, and what they say is for people.
	for _, tool := range []*cobra.Command{newHubBackupCommand(s.streams), newHubRestoreCommand(s.streams), newHubUnitCommand(s), newHubChartCommand(s)} {
		strict(tool)
		command.AddCommand(tool)
	}
	return command
}

// hubTools are the commands for whoever runs a hub, on the machine that holds its data folder.
func hubTools(s *session) []*cobra.Command {
	return []*cobra.Command{newHubCheckCommand(s), newHubCACommand(s), newHubResetCommand(s), newAzSetupCommand(s)}
}

// bindHub gives a command the hub's settings as flags. What it returns reads them, together with
// the variables and the file that --config names.
func bindHub(command *cobra.Command) func() (hub.Config, error) {
	var file string
	defaults := hub.Defaults()
	defaults.Bind(command.Flags())
	command.Flags().Lookup("data").DefValue = "$XDG_DATA_HOME/fairlead/hub, or ~/.local/share/fairlead/hub"
	command.Flags().StringVar(&file, "config", "", "YAML file with settings")
	return func() (hub.Config, error) {
		config, err := hub.Load(fromEnvironment(file, "FAIRLEAD_HUB_CONFIG"), os.LookupEnv, command.Flags())
		if err != nil {
			return config, &usageError{err}
		}
		return config, nil
	}
}

func runHub(ctx context.Context, config hub.Config, streams Streams) error {
	if err := config.Validate(); err != nil {
		return &usageError{err}
	}
	config.Log = hubLog(config, streams.Err)
	config.Welcome = func(welcome hub.Welcome) error {
		notify(daemon.SdNotifyReady)
		return greet(ctx, config, streams, welcome)
	}
	config.Probe, config.FluxChart = payload.Program, hub.FluxChart
	opened, err := hub.New(ctx, config)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { notify(daemon.SdNotifyStopping) })()
	return opened.Run(ctx)
}

// notify tells systemd, when it runs the hub as Type=notify. Elsewhere nobody listens.
func notify(state string) {
	_, _ = daemon.SdNotify(false, state) // whoever does not hear it waits for the port
}

func hubLog(config hub.Config, out io.Writer) *slog.Logger {
	var options slog.HandlerOptions
	var level slog.Level
	if level.UnmarshalText([]byte(config.LogLevel)) == nil { // validated before
		options.Level = level
	}
	if config.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, &options))
	}
	return slog.New(slog.NewTextHandler(out, &options))
}

// writeWelcome says, in one write, that the hub is there and what to type next.
func writeWelcome(out io.Writer, welcome hub.Welcome) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\nThe hub is ready at %s\n", welcome.URL)
	if welcome.CAFile != "" {
		fmt.Fprintf(&text, "  authority    %s\n  fingerprint  %s\n", welcome.CAFile, welcome.Fingerprint)
	}
	if administrator := welcome.Administrator; administrator != nil {
		writeAdministrator(&text, welcome, administrator)
	}
	text.WriteString("\n")
	_, err := io.WriteString(out, text.String())
	return err
}

func writeAdministrator(text *strings.Builder, welcome hub.Welcome, administrator *hub.Administrator) {
	fmt.Fprintf(text, "\nThis is its first start: it has made an administrator, who is owner of everything.\n  tenant       %s\n  application  %s\n",
		welcome.TenantID, administrator.AppID)
	if administrator.File != "" {
		fmt.Fprintf(text, "  credential   %s\n\nNext, in another terminal:\n  fairlead login --credential-file %s\n", administrator.File, quoted(administrator.File))
		return
	}
	authority := ""
	if welcome.CAFile != "" {
		authority = " --ca-file " + quoted(welcome.CAFile)
	}
	fmt.Fprintf(text, "  secret       %s\n\nThe secret is shown this once. Next, in another terminal (it asks for the secret):\n"+
		"  fairlead login --hub %s%s --service-principal --username %s\n", string(administrator.Secret), welcome.URL, authority, administrator.AppID)
}

// quoted writes a word so that a shell takes it as one.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t'\"$&;()<>|*?\\`") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
