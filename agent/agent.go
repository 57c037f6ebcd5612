// Package agent puts the agents together: it reads their settings, makes what they share and runs those
// that were asked for in one process. What each does is in the folder of its name.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/extension"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/logline"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/agent/probe"
	"github.com/fairlead/fairlead/agent/settings"
)

// Config says which agents to run, and where.
type Config struct {
	Agents         []string
	Kubeconfig     string // empty: the cluster in which the process runs
	Namespace      string
	MetricsAddress string // empty: no probes and no metrics are served
	Getenv         func(string) string
	Log            io.Writer
	Level          slog.Leveler
	// Adopt takes the log in which libraries with a global one of their own are to write; nil leaves them.
	Adopt func(*slog.Logger)
}

// Names returns the agents that there are.
func Names() []string {
	return []string{
		fairlead.ClusterIdentityOperator, fairlead.ClusterMetadataOperator, fairlead.ConfigAgent,
		fairlead.ControllerManager, fairlead.MetricsAgent, fairlead.ClusterConnectAgent, fairlead.KubeAADProxy,
		fairlead.ExtensionManager, fairlead.ExtensionEvents, fairlead.FluxLogsAgent, fairlead.FluxConfigAgent, fairlead.FluxConfigController,
	}
}

// runner is an agent, or a part that agents share.
type runner interface {
	Run(ctx context.Context) error
}

// process is what the agents of one process share.
type process struct {
	config   Config
	settings settings.Settings
	kube     *kube.Client
	hub      *dataplane.Client
	holder   *identity.Holder
	proxy    *aadproxy.Proxy    // nil when kube-aad-proxy does not run here
	installs *extension.Manager // nil when extension-manager does not run here
	state    *probe.State
	registry *prometheus.Registry
	lines    *logline.Handler
	log      *slog.Logger
}

// Run runs the agents until the end of ctx, which is not an error, or until one of them fails.
func Run(ctx context.Context, config Config) error {
	if err := config.check(); err != nil {
		return err
	}
	p, err := newProcess(ctx, config)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range p.parts() {
		group.Go(func() error { return part.Run(ctx) })
	}
	p.log.InfoContext(ctx, "agents started", slog.Any("agents", config.Agents), slog.String("hub", p.settings.HubURL))
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (c Config) check() error {
	for i, name := range c.Agents {
		if !slices.Contains(Names(), name) {
			return fairlead.Errorf(fairlead.Invalid, "there is no agent %q; there are %v", name, Names())
		}
		if slices.Contains(c.Agents[:i], name) {
			return fairlead.Errorf(fairlead.Invalid, "agent %q is named twice", name)
		}
	}
	return nil
}

// withoutRights reports whether all agents of the process do without the API server: their pod has no token.
func (c Config) withoutRights() bool {
	return c.Kubeconfig == "" && slices.Equal(c.Agents, []string{fairlead.ClusterConnectAgent})
}

// withoutHub reports whether all agents of the process work inside the cluster alone: they have no identity, no proxy and no hub.
func (c Config) withoutHub() bool {
	return !slices.ContainsFunc(c.Agents, func(name string) bool {
		return name != fairlead.FluxConfigAgent && name != fairlead.FluxConfigController
	})
}

func newProcess(ctx context.Context, config Config) (*process, error) {
	lines := logline.New(config.Log, config.Level, logline.Identity{Agent: "agent", Version: fairlead.Version})
	var client *kube.Client
	var err error
	if !config.withoutRights() {
		if client, err = kube.Connect(config.Kubeconfig); err != nil {
			return nil, err
		}
	}
	read, err := readSettings(ctx, config, client, slog.New(lines))
	if err != nil {
		return nil, err
	}
	lines = logline.New(config.Log, config.Level, logline.Identity{
		Agent: nameOf(config.Agents), Version: read.AgentVersion, ArmID: read.Cluster.String(), Region: read.Region,
	})
	p := &process{
		config: config, settings: read, kube: client, lines: lines, log: slog.New(lines),
		state: probe.NewState(config.Agents...), registry: probe.NewRegistry(),
	}
	if config.Adopt != nil {
		config.Adopt(slog.New(quiet{lines}))
	}
	if config.withoutHub() {
		return p, nil
	}
	p.holder = &identity.Holder{Kube: client, Namespace: config.Namespace, Log: p.log}
	if p.hub, err = dataplane.New(read, p.holder, p.log, p.registry); err != nil {
		return nil, err
	}
	if slices.Contains(config.Agents, fairlead.KubeAADProxy) {
		if p.proxy, err = p.aadProxy(); err != nil {
			return nil, err
		}
	}
	if slices.Contains(config.Agents, fairlead.ExtensionManager) {
		p.installs, err = p.extensionManager()
	}
	return p, err
}

// nameOf is the name in the log lines of parts that all agents of a process share.
func nameOf(agents []string) string {
	if len(agents) == 1 {
		return agents[0]
	}
	return fairlead.EdgeAgent
}

// readSettings reads the environment or, in a process that is no pod, the cluster; there it waits
// until somebody has installed the chart.
func readSettings(ctx context.Context, config Config, client *kube.Client, log *slog.Logger) (settings.Settings, error) {
	found, err := settings.FromEnvironment(config.Getenv)
	if fairlead.KindOf(err) != fairlead.NotFound || client == nil {
		return found, err
	}
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second}
	news := rate.Sometimes{First: 1, Interval: time.Minute}
	inCluster := settings.FromCluster
	if config.withoutHub() {
		inCluster = settings.IdentityFromCluster
	}
	for {
		if found, err = inCluster(ctx, client, config.Namespace); err == nil {
			return found, nil
		}
		news.Do(func() {
			log.WarnContext(ctx, "waiting for the settings of the connected cluster", slog.String("error", err.Error()))
		})
		if waited := pace.Wait(ctx, backoff.Next(), nil); waited != nil {
			return found, fmt.Errorf("%w; gave up: %w", err, waited)
		}
	}
}

// quiet is a handler for what libraries say: warnings and errors only.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
