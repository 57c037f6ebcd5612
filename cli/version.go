package cli

import (
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
)

func newVersionCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version",
		Long:    "Show the version of this binary, which is also the version of the agents and of the chart that a hub of this binary serves.",
		Example: "  fairlead version\n  fairlead version -o json",
		RunE: func(*cobra.Command, []string) error {
			facts := map[string]string{"fairlead": fairlead.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return s.tell("fairlead "+fairlead.Version+" ("+facts["platform"]+")", facts, nil)
		},
	}
}

func newConfigureCommand(s *session) *cobra.Command {
	var pairs []string
	var list bool
	command := &cobra.Command{
		Use: "configure", Short: "Set defaults for flags",
		Long:    "Set what stands in for --resource-group/-g (group) and --location/-l (location) when a command needs them and they are not given; where -g only narrows a list, none is taken. An empty value removes a default; without flags the defaults are shown.",
		Example: "  fairlead configure --defaults group=shops location=local\n  fairlead configure --defaults group=",
		RunE:    func(*cobra.Command, []string) error { return s.configure(pairs) },
	}
	command.Flags().VarP(&words{into: &pairs}, "defaults", "d", "defaults as group=NAME and location=NAME, separated by blanks")
	command.Flags().BoolVarP(&list, "list-defaults", "l", false, "show the defaults, which is what happens without flags, too")
	command.MarkFlagsMutuallyExclusive("defaults", "list-defaults")
	return command
}

func (s *session) configure(pairs []string) error {
	p, err := s.profile()
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		switch {
		case ok && key == "group":
			p.Config.Defaults.Group = value
		case ok && key == "location":
			p.Config.Defaults.Location = value
		default:
			return usagef("--defaults: %q is neither group=NAME nor location=NAME", pair)
		}
	}
	if len(pairs) == 0 {
		return s.show(p.Config.Defaults, []column{{title: "Group", path: "group"}, {title: "Location", path: "location"}})
	}
	return p.Save()
}

func newCompletionCommand(root *cobra.Command, streams Streams) *cobra.Command {
	shells := map[string]func() error{
		"bash":       func() error { return root.GenBashCompletionV2(streams.Out, true) },
		"zsh":        func() error { return root.GenZshCompletion(streams.Out) },
		"fish":       func() error { return root.GenFishCompletion(streams.Out, true) },
		"powershell": func() error { return root.GenPowerShellCompletionWithDesc(streams.Out) },
	}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print the completion script for a shell",
		Long: `Print a script that makes a shell complete commands, flags and the values of many flags. Names of resource
groups, clusters, roles and locations come from the hub, if you are signed in and it answers at once.

For bash, the package bash-completion must be installed and loaded.`,
		Example:   "  source <(fairlead completion bash)\n  fairlead completion zsh > \"${fpath[1]}/_fairlead\"\n  fairlead completion fish > ~/.config/fish/completions/fairlead.fish",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE:      func(_ *cobra.Command, args []string) error { return shells[args[0]]() },
	}
}
