// Package cli is the command line: every command of the fairlead binary, one file a command group. A command reads
// its flags, makes calls through package client or connect (or starts the hub or agents), and renders what came back. It
// holds no knowledge of its own about resources or clusters.
package cli

import (
	"context"
	"errors"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
)

// The exit codes of every command.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitInterrupted = 130
)

// Main runs the command that args name and returns the exit code. Ctrl-C and SIGTERM cancel the
// command's context, so that it can clean up; a second one ends the process at once,
// unless it is at something that must not be left half done.
func Main(ctx context.Context, args []string, streams Streams) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	s := newSession(streams)
	root := newRootCommand(s) //nolint:contextcheck // commands take the context that they are executed with
	root.SetArgs(gather(root, args))
	command, err := root.ExecuteContextC(ctx)
	err = sortOut(err)
	var plain *exitError
	if err != nil && !errors.As(err, &plain) {
		explain(streams, command, s.comeBack(err))
	}
	if isDoctor(command) {
		return doctorExit(ctx, err)
	}
	return exitCode(ctx, err)
}

func exitCode(ctx context.Context, err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return ExitOK
	case ctx.Err() != nil:
		return ExitInterrupted
	case errors.As(err, &usage):
		return ExitUsage
	case fairlead.KindOf(err) == fairlead.NotFound || lacking(err):
		return ExitNotFound
	default:
		return ExitFailed
	}
}

// lacking reports whether what a request names is not there: to Azure, and so to the hub, it is the request that is wrong then.
func lacking(err error) bool {
	return slices.Contains([]string{"ExtensionTypeNotFound", "ExtensionVersionNotFound", "ReleaseTrainNotFound", "PrincipalNotFound"}, fairlead.CodeOf(err))
}

func newRootCommand(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:   "fairlead",
		Short: "Connect Kubernetes clusters, wherever they are, to a hub of your own",
		Long: `fairlead connects Kubernetes clusters, wherever they are, to a control plane that you run yourself.

One binary is the hub, the agents in each cluster and this command line. Commands and flags are those
of the az command line: in a guide for Azure Arc-enabled Kubernetes, replace az with fairlead.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 130 interrupted.`,
		Example: `  fairlead hub --data ./hub                                   start a hub
  fairlead login --hub https://hub.example.org:8443 …         sign in to it
  fairlead connectedk8s connect -n edge-1 -g default          connect the cluster of the current kubeconfig
  fairlead connectedk8s list -o table                         see it in the inventory`,
		SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2,
		Version:                    fairlead.Version,
	}
	root.SetIn(s.streams.In)
	root.SetOut(s.streams.Out)
	root.SetErr(s.streams.Err)
	root.SetFlagErrorFunc(misread)
	root.AddGroup(&cobra.Group{ID: "client", Title: "Commands for people and pipelines:"}, &cobra.Group{ID: "server", Title: "Servers:"})
	root.CompletionOptions.DisableDefaultCmd = true
	addClients(root, s)
	addServers(root, s)
	root.Args, root.RunE = cobra.ArbitraryArgs, group
	mark(root)
	return root
}

func addClients(root *cobra.Command, s *session) {
	for _, command := range []*cobra.Command{
		newLoginCommand(s), newLogoutCommand(s), newAccountCommand(s), newConfigureCommand(s), newGroupCommand(s),
		newProviderCommand(s), newFeatureCommand(s), newAdCommand(s), newRoleCommand(s), newResourceCommand(s), newTagCommand(s), newMonitorCommand(s), newConnectedCommand(s), newExtensionCommand(s), newExtensionTypeCommand(s), newConfigurationCommand(s),
		newRegistryCommand(s), newDoctorCommand(s), newExplainCommand(s), newVersionCommand(s),
	} {
		command.GroupID = "client"
		command.PersistentPreRunE = func(command *cobra.Command, _ []string) error { return s.check(command) }
		s.share(command)
		s.completeFlags(command)
		strict(command)
		root.AddCommand(command)
	}
	completion := newCompletionCommand(root, s.streams)
	completion.GroupID = "client"
	strict(completion)
	root.AddCommand(completion)
}

func addServers(root *cobra.Command, s *session) {
	for _, server := range []*cobra.Command{newHubCommand(s), newAgentCommand(s.streams), newImageCommand(s.streams)} {
		server.GroupID = "server"
		root.AddCommand(server)
	}
	root.AddCommand(newDocsCommand(), newArcProxyCommand(s.streams))
}
