package cli

import (
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent"
)

func newAgentCommand(streams Streams) *cobra.Command {
	config := agent.Config{Getenv: os.Getenv, Log: streams.Err, Adopt: klog.SetSlogLogger}
	level := slog.LevelInfo
	command := &cobra.Command{
		Use:   "agent NAME...",
		Short: "Run agents of a connected cluster",
		Long: "Run one or more agents of a connected cluster in this process. The chart of the agents does this in\n" +
			"pods; with --kubeconfig they also run outside the cluster, as plain processes.\n\n" +
			"The agents are: " + strings.Join(agent.Names(), ", ") + ".",
		Example:   "  fairlead agent " + fairlead.ConfigAgent + " " + fairlead.MetricsAgent + " --kubeconfig ~/.kube/config --metrics-address 127.0.0.1:9090",
		Args:      agentNames,
		ValidArgs: agent.Names(),
		RunE: func(command *cobra.Command, args []string) error {
			config.Agents, config.Level = args, level
			return agent.Run(command.Context(), config)
		},
	}
	flags := command.Flags()
	flags.StringVar(&config.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default: the cluster in which this runs)")
	flags.StringVar(&config.Namespace, "namespace", fairlead.AgentNamespace, "namespace of the agents")
	flags.StringVar(&config.MetricsAddress, "metrics-address", ":9090", "address of probes and metrics, empty for none")
	flags.TextVar(&level, "log-level", slog.LevelInfo, "least severe lines to write: debug, info, warn or error")
	return command
}

func agentNames(_ *cobra.Command, args []string) error {
	all := strings.Join(agent.Names(), ", ")
	if len(args) == 0 {
		return usagef("the name of an agent is missing; there are %s", all)
	}
	for _, name := range args {
		if !slices.Contains(agent.Names(), name) {
			return usagef("there is no agent %q; there are %s", name, all)
		}
	}
	return nil
}
