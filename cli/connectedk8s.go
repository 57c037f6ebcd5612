package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/connect"
)

// clusterFlags name a connected cluster, and a kubeconfig that leads to it.
type clusterFlags struct {
	name, group, kubeconfig, kubecontext, correlation string
	yes, noWait, force                                bool
}

func clusterColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "ResourceGroup", path: "resourceGroup"},
		{title: "Location", path: "location"},
		{title: "Status", path: "properties.connectivityStatus"},
		{title: "Distribution", path: "properties.distribution"},
		{title: "Kubernetes", path: "properties.kubernetesVersion"},
		{title: "Nodes", path: "properties.totalNodeCount"},
		{title: "AgentVersion", path: "properties.agentVersion"},
		{title: "LastSeen", path: "properties.lastConnectivityTime", write: ago},
	}
}

func newConnectedCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "connectedk8s", Short: "Connected clusters",
		Long:    "Connect Kubernetes clusters to the hub, see how they are, change them and take them away.",
		Example: "  fairlead connectedk8s connect -n edge-1 -g shops\n  fairlead connectedk8s list -o table",
	}
	command.AddCommand(newConnectCommand(s), newConnectedListCommand(s), newConnectedShowCommand(s),
		newConnectedUpdateCommand(s), newConnectedUpgradeCommand(s), newConnectedDeleteCommand(s), newTroubleshootCommand(s), newRecordingCommand(s),
		newGetCredentialsCommand(s), newGetTokenCommand(s), newProxyCommand(s),
		newEnableFeaturesCommand(s), newDisableFeaturesCommand(s))
	return command
}

// nameCluster gives a command the flags that name a connected cluster.
func nameCluster(command *cobra.Command, flags *clusterFlags) {
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name of the connected cluster")
	command.Flags().StringVarP(&flags.group, "resource-group", "g", "", "resource group (default: the one of fairlead configure)")
	command.Flags().StringVar(&flags.correlation, "correlation-id", "", "id by which the hub's log can be searched for this run")
	mustFlag(command, "name")
}

// reachWith gives a command the flags that lead to a cluster.
func reachWith(command *cobra.Command, flags *clusterFlags) {
	command.Flags().StringVar(&flags.kubeconfig, "kube-config", "", "kubeconfig file (default: KUBECONFIG, else ~/.kube/config)")
	command.Flags().StringVar(&flags.kubecontext, "kube-context", "", "context in it (default: the current one)")
}

// locate returns the hub and the id that the flags name.
func (s *session) locate(ctx context.Context, flags clusterFlags) (*signedIn, fairlead.ResourceID, error) {
	if err := checkClusterName(flags.name); err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	if err := checkGroupFlag(flags.group); err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	hub, subscription, group, err := s.placeIn(ctx, flags.group, flags.correlation)
	if err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	return hub, fairlead.ConnectedClusterID(subscription, group, flags.name), nil
}

func newConnectedListCommand(s *session) *cobra.Command {
	var group string
	command := &cobra.Command{
		Use: "list", Short: "List the connected clusters",
		Long:    "List the connected clusters of the subscription, or of one resource group, as the hub sees them now.",
		Example: "  fairlead connectedk8s list -o table\n  fairlead connectedk8s list -g shops --query \"[?properties.connectivityStatus!='Connected'].name\" -o tsv",
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkGroupFlag(group); err != nil {
				return err
			}
			hub, subscription, err := s.place(command.Context())
			if err != nil {
				return err
			}
			path := fairlead.ResourceID{Subscription: subscription, ResourceGroup: group}.String() + "/providers/Microsoft.Kubernetes/connectedClusters"
			all, err := hub.List(command.Context(), path, client.ClusterVersion, nil)
			if err != nil {
				return err
			}
			for _, one := range all {
				withGroup(one)
			}
			return s.list(all, clusterColumns(), "No connected clusters. Connect one: fairlead connectedk8s connect -n NAME -g GROUP")
		},
	}
	command.Flags().StringVarP(&group, "resource-group", "g", "", "only this resource group")
	return command
}

func newConnectedShowCommand(s *session) *cobra.Command {
	var flags clusterFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a connected cluster",
		Long:    "Show a connected cluster as the hub sees it now. The exit code is 3 when there is none of that name.",
		Example: "  fairlead connectedk8s show -n edge-1 -g shops --query properties.connectivityStatus -o tsv",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, id, err := s.locate(command.Context(), flags)
			if err != nil {
				return err
			}
			document := client.Document{}
			if err := hub.Get(command.Context(), id.String(), client.ClusterVersion, &document); err != nil {
				return err
			}
			return s.show(withGroup(document), append(clusterColumns(), featureStateColumns()...))
		},
	}
	nameCluster(command, &flags)
	return command
}

// withGroup adds the resource group, which the hub leaves in the id, as az does.
func withGroup(document client.Document) client.Document {
	if id, err := fairlead.ParseResourceID(text(document, "id")); err == nil {
		document["resourceGroup"] = id.ResourceGroup
	}
	return document
}

// finish shows a cluster as the hub has it, with a sentence for a person.
func (s *session) finish(ctx context.Context, hub *signedIn, id fairlead.ResourceID, sentence func(fairlead.ConnectedCluster) string) error {
	document := client.Document{}
	if err := hub.Get(ctx, id.String(), client.ClusterVersion, &document); err != nil {
		return err
	}
	var cluster fairlead.ConnectedCluster
	if err := client.Decode(document, &cluster); err != nil {
		return err
	}
	return s.tell(sentence(cluster), withGroup(document), clusterColumns())
}

// connectFlags are what connectedk8s connect can be told.
type connectFlags struct {
	clusterFlags
	location, distribution, distributionVersion, infrastructure, profile string
	tags                                                                 []string
	proxy                                                                proxyFlags
	timeout                                                              int
	disableAutoUpgrade                                                   bool
	customLocationsOID                                                   string
}

type proxyFlags struct{ https, http, skip, certificate string }

func (p *proxyFlags) offer(command *cobra.Command) {
	command.Flags().StringVar(&p.https, "proxy-https", "", "proxy through which the agents reach the hub")
	command.Flags().StringVar(&p.http, "proxy-http", "", "proxy for plain HTTP")
	command.Flags().StringVar(&p.skip, "proxy-skip-range", "", "what the agents reach directly, separated by commas: addresses, CIDR ranges, names, suffixes of names (.svc), Arc for the hub itself")
	command.Flags().StringVar(&p.certificate, "proxy-cert", "", "PEM file of the authority of a proxy that ends TLS")
}

func (p *proxyFlags) read() (connect.Proxy, error) {
	proxy := connect.Proxy{HTTP: client.Secret(p.http), HTTPS: client.Secret(p.https), Skip: p.skip}
	if err := proxy.Validate(); err != nil {
		return proxy, &usageError{err}
	}
	if p.certificate == "" {
		return proxy, nil
	}
	content, err := os.ReadFile(p.certificate)
	if err != nil {
		return proxy, usagef("--proxy-cert cannot be read: %w", err)
	}
	if _, err := client.Trust(content); err != nil || len(content) == 0 {
		return proxy, usagef("--proxy-cert: %s holds no certificate in PEM form", p.certificate)
	}
	proxy.Certificate = content
	return proxy, nil
}

func newConnectCommand(s *session) *cobra.Command {
	var flags connectFlags
	command := &cobra.Command{
		Use: "connect", Short: "Connect a cluster to the hub",
		Long: `Connect the cluster of a kubeconfig to the hub: check both, register the cluster, install the agents and wait until
they report. The cluster's key is made here and goes into the cluster only; the hub gets its public half. A resource
group that is not there is created.

When a step fails, or at Ctrl-C, what this run has made is taken back. Connecting a cluster again under its
name is fine: it puts right what is not. A cluster that is connected under another name is refused.`,
		Example: `  fairlead connectedk8s connect -n edge-1 -g shops
  fairlead connectedk8s connect -n edge-1 -g shops -l local --kube-context edge --tags site=north
  fairlead connectedk8s connect -n edge-1 -g shops --proxy-https http://proxy:3128 --proxy-skip-range 10.0.0.0/8,.svc`,
		RunE: func(command *cobra.Command, _ []string) error { return s.connect(command.Context(), flags) },
	}
	nameCluster(command, &flags.clusterFlags)
	reachWith(command, &flags.clusterFlags)
	flags.proxy.offer(command)
	tagsFlag(command, &flags.tags)
	set := command.Flags()
	set.StringVarP(&flags.location, "location", "l", "", "location (default: the group's, else the hub's first)")
	set.StringVar(&flags.distribution, "distribution", "", "Kubernetes distribution (default: found out)")
	set.StringVar(&flags.distributionVersion, "distribution-version", "", "version of the distribution")
	set.StringVar(&flags.infrastructure, "infrastructure", "", "what the cluster runs on (default: found out)")
	set.StringVar(&flags.profile, "profile", "", "standard: a Deployment for each agent; edge: all agents in one small pod")
	set.IntVar(&flags.timeout, "onboarding-timeout", int(connect.DefaultTimeout/time.Second), "seconds that the agents may take to report")
	set.StringVar(&flags.customLocationsOID, "custom-locations-oid", "", "object id of the application of custom locations: switches them on")
	set.BoolVar(&flags.disableAutoUpgrade, "disable-auto-upgrade", false, "never let the hub upgrade the agents by itself")
	set.BoolVar(&flags.noWait, "no-wait", false, "do not wait for the agents to report")
	set.BoolVarP(&flags.yes, "yes", "y", false, "accepted as az has it; connecting asks nothing")
	return command
}

func (f *connectFlags) options() (connect.Options, error) {
	proxy, err := f.proxy.read()
	if err != nil {
		return connect.Options{}, err
	}
	tags, err := parseTags(f.tags)
	switch {
	case err != nil:
		return connect.Options{}, err
	case f.profile != "" && f.profile != "standard" && f.profile != "edge":
		return connect.Options{}, usagef("--profile: %q is neither standard nor edge", f.profile)
	case f.timeout <= 0:
		return connect.Options{}, usagef("--onboarding-timeout: %d is not a number of seconds", f.timeout)
	}
	return connect.Options{
		Location: f.location, Distribution: f.distribution, DistributionVersion: f.distributionVersion, Infrastructure: f.infrastructure,
		Tags: tags, Proxy: proxy, Profile: f.profile, DisableAutoUpgrade: f.disableAutoUpgrade, Timeout: time.Duration(f.timeout) * time.Second,
		CustomLocationsOID: f.customLocationsOID,
	}, nil
}

func (s *session) connect(ctx context.Context, flags connectFlags) error {
	options, err := flags.options()
	if err != nil {
		return err
	}
	hub, id, err := s.locate(ctx, flags.clusterFlags)
	if err != nil {
		return err
	}
	options.Location = first(options.Location, hub.defaults.Location)
	cluster, err := connect.OpenCluster(flags.kubeconfig, flags.kubecontext)
	if err != nil {
		return err
	}
	connection := &connect.Connection{Hub: hub.Hub, Cluster: cluster, ID: id, Options: options, Report: s.progress()}
	steps := connection.Steps()
	if flags.noWait {
		steps = connection.InstallSteps()
	}
	if err := connect.Run(ctx, connection.Report, steps); err != nil {
		return err
	}
	s.warnOf(connection.Warning())
	return s.finish(ctx, hub, id, connected)
}

func connected(cluster fairlead.ConnectedCluster) string {
	named := " -n " + cluster.Name
	if id, err := fairlead.ParseResourceID(cluster.ID); err == nil {
		named += " -g " + id.ResourceGroup
	}
	if cluster.Properties.ConnectivityStatus != fairlead.Connected {
		return cluster.Name + " is registered and its agents are installed; see whether they have come up:\n  fairlead connectedk8s show" + named
	}
	return cluster.Name + " is connected.\n  fairlead connectedk8s show" + named + "\n  kubectl get pods --namespace " + fairlead.AgentNamespace
}

func newConnectedDeleteCommand(s *session) *cobra.Command {
	var flags clusterFlags
	command := &cobra.Command{
		Use: "delete", Short: "Disconnect a cluster",
		Long: `Remove a connected cluster from the hub and its agents, with all that is theirs, from the cluster of the kubeconfig,
which must be the one that is named. Namespaces that were there before it was connected stay, as they were. So do
the extensions and what GitOps brought: they go on without the hub, which forgets them; delete those first that should go, too.

--force also works when the cluster cannot be reached or is half broken: it relies on nothing in the cluster, and
when the kubeconfig leads nowhere, or to another cluster, it removes the hub's side alone and says what remains. When
it is the hub that cannot be reached, it removes the cluster's side alone.`,
		Example: "  fairlead connectedk8s delete -n edge-1 -g shops --yes\n  fairlead connectedk8s delete -n edge-1 -g shops --force",
		RunE:    func(command *cobra.Command, _ []string) error { return s.disconnect(command.Context(), flags) },
	}
	nameCluster(command, &flags)
	reachWith(command, &flags)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&flags.force, "force", false, "remove what can be removed, whatever the state of the cluster")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "accepted as az has it; the removal is always seen through")
	return command
}

func (s *session) disconnect(ctx context.Context, flags clusterFlags) error {
	hub, id, err := s.locate(ctx, flags)
	if err != nil {
		return err
	}
	cluster, err := connect.OpenCluster(flags.kubeconfig, flags.kubecontext)
	if err != nil && !flags.force {
		return err
	}
	disconnection := &connect.Disconnection{Hub: hub.Hub, Cluster: cluster, ID: id, Report: s.progress()}
	steps, err := s.inspect(ctx, disconnection, flags)
	if err != nil {
		return err
	}
	if disconnection.OnHub() {
		s.warnStaying(ctx, hub, id)
	}
	if !flags.yes {
		if err := s.confirm(ctx, "Disconnect "+id.Name()+" in "+id.ResourceGroup+" and remove its agents?"); err != nil {
			return err
		}
	}
	if err := connect.Run(ctx, disconnection.Report, steps()); err != nil {
		return err
	}
	return s.say(s.streams.Err, id.Name()+" is "+disconnection.Outcome()+".")
}

func (s *session) inspect(ctx context.Context, disconnection *connect.Disconnection, flags clusterFlags) (func() []connect.Step, error) {
	if !flags.force {
		return disconnection.Steps, disconnection.Inspect(ctx)
	}
	warnings, err := disconnection.InspectForced(ctx)
	for _, warning := range warnings {
		s.warn("%s", strings.TrimSpace(warning))
	}
	return disconnection.ForcedSteps, err
}

// updateFlags are what connectedk8s update can be told.
type updateFlags struct {
	clusterFlags
	tags                                              []string
	proxy                                             proxyFlags
	disableProxy                                      bool
	autoUpgrade, recording, recordingInput            string
	distribution, distributionVersion, infrastructure string
}

func newConnectedUpdateCommand(s *session) *cobra.Command {
	var flags updateFlags
	command := &cobra.Command{
		Use: "update", Short: "Change a connected cluster",
		Long: `Change a connected cluster's tags, what it says of its distribution, whether sessions in it are recorded,
whether the hub may upgrade its agents, or the proxy of its agents. The last two change the cluster, too, and need its kubeconfig.`,
		Example: `  fairlead connectedk8s update -n edge-1 -g shops --tags site=north owner=ana
  fairlead connectedk8s update -n edge-1 -g shops --proxy-https http://proxy:3128 --proxy-skip-range 10.0.0.0/8,.svc
  fairlead connectedk8s update -n edge-1 -g shops --session-recording on
  fairlead connectedk8s update -n edge-1 -g shops --auto-upgrade false`,
		RunE: func(command *cobra.Command, _ []string) error { return s.update(command.Context(), flags) },
	}
	nameCluster(command, &flags.clusterFlags)
	reachWith(command, &flags.clusterFlags)
	flags.proxy.offer(command)
	tagsFlag(command, &flags.tags)
	set := command.Flags()
	set.BoolVar(&flags.disableProxy, "disable-proxy", false, "let the agents reach the hub directly")
	set.StringVar(&flags.autoUpgrade, "auto-upgrade", "", "whether the hub may upgrade the agents by itself: true or false")
	set.StringVar(&flags.recording, "session-recording", "", "whether the hub records what exec and attach show in this cluster: on or off; off is for what is typed, too")
	set.StringVar(&flags.recordingInput, "session-recording-input", "", "whether it also records what is typed, which may be passwords: on or off; on needs recording to be on")
	set.StringVar(&flags.distribution, "distribution", "", "Kubernetes distribution")
	set.StringVar(&flags.distributionVersion, "distribution-version", "", "version of the distribution")
	set.StringVar(&flags.infrastructure, "infrastructure", "", "what the cluster runs on")
	set.BoolVarP(&flags.yes, "yes", "y", false, "accepted as az has it; updating asks nothing")
	for _, proxy := range []string{"proxy-https", "proxy-http", "proxy-skip-range", "proxy-cert"} {
		command.MarkFlagsMutuallyExclusive("disable-proxy", proxy)
	}
	command.MarkFlagsOneRequired("tags", "proxy-https", "proxy-http", "proxy-skip-range", "proxy-cert", "disable-proxy", "auto-upgrade", "distribution", "distribution-version", "infrastructure",
		"session-recording", "session-recording-input")
	return command
}

func (f *updateFlags) changes() (connect.Changes, error) {
	proxy, err := f.proxy.read()
	if err != nil {
		return connect.Changes{}, err
	}
	changes := connect.Changes{
		Distribution: f.distribution, DistributionVersion: f.distributionVersion, Infrastructure: f.infrastructure,
		Proxy: proxy, DisableProxy: f.disableProxy,
	}
	switch strings.ToLower(f.autoUpgrade) {
	case "":
	case "true":
		changes.AutoUpgrade = connect.AutoUpgradeEnabled
	case "false":
		changes.AutoUpgrade = connect.AutoUpgradeDisabled
	default:
		return changes, usagef("--auto-upgrade: %q is neither true nor false", f.autoUpgrade)
	}
	if err := f.recordings(&changes); err != nil {
		return changes, err
	}
	if f.tags != nil {
		changes.Tags, err = parseTags(f.tags)
	}
	return changes, err
}

func (s *session) update(ctx context.Context, flags updateFlags) error {
	changes, err := flags.changes()
	if err != nil {
		return err
	}
	hub, id, err := s.locate(ctx, flags.clusterFlags)
	if err != nil {
		return err
	}
	if err := hub.checkRecording(ctx, id, changes); err != nil {
		return err
	}
	update := &connect.Update{Hub: hub.Hub, ID: id, Changes: changes, Report: s.progress()}
	if changes.NeedsCluster() {
		if update.Cluster, err = connect.OpenCluster(flags.kubeconfig, flags.kubecontext); err != nil {
			return err
		}
	}
	if err := connect.Run(ctx, update.Report, update.Steps()); err != nil {
		return err
	}
	return s.finish(ctx, hub, id, func(fairlead.ConnectedCluster) string { return id.Name() + " is changed." })
}

func newConnectedUpgradeCommand(s *session) *cobra.Command {
	var flags clusterFlags
	var version string
	var timeout int
	command := &cobra.Command{
		Use: "upgrade", Short: "Upgrade the agents of a connected cluster",
		Long:    "Bring the agents of a connected cluster to the hub's newest version, or another that it has. When they do not come up, the release goes back to what it was.",
		Example: "  fairlead connectedk8s upgrade -n edge-1 -g shops",
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkVersion(version); err != nil {
				return err
			}
			hub, id, err := s.locate(command.Context(), flags)
			if err != nil {
				return err
			}
			cluster, err := connect.OpenCluster(flags.kubeconfig, flags.kubecontext)
			if err != nil {
				return err
			}
			upgrade := &connect.Upgrade{Hub: hub.Hub, Cluster: cluster, ID: id, Version: version, Timeout: time.Duration(timeout) * time.Second, Report: s.progress()}
			return connect.Run(command.Context(), upgrade.Report, upgrade.Steps())
		},
	}
	nameCluster(command, &flags)
	reachWith(command, &flags)
	command.Flags().StringVar(&version, "agent-version", "", "version to bring them to (default: the hub's newest)")
	command.Flags().IntVar(&timeout, "upgrade-timeout", 600, "seconds that the agents may take to come up")
	return command
}
