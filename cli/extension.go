package cli

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// extensionFlags name an extension and its cluster.
type extensionFlags struct {
	group, cluster, kind, provider, name, correlation string
}

func extensionColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "ExtensionType", path: "properties.extensionType"},
		{title: "Version", path: "properties.currentVersion || properties.installedVersion || properties.version"},
		{title: "ReleaseTrain", path: "properties.releaseTrain"},
		{title: "AutoUpgrade", path: "properties.autoUpgradeMinorVersion"},
		{title: "ProvisioningState", path: "properties.provisioningState"},
		{title: "Error", path: "properties.errorInfo.code"},
	}
}

func newExtensionCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "k8s-extension", Short: "Extensions: Helm charts that the hub installs in clusters",
		Long: `Install, see, change and remove extensions of clusters. An extension is of an extension type, which says which Helm chart it is
and which versions there are (fairlead extension-type); the agents in the cluster install it and say how that goes.`,
		Example: `  fairlead k8s-extension create -g shops -c edge-1 -t connectedClusters -n web --extension-type contoso.web
  fairlead k8s-extension list -g shops -c edge-1 -t connectedClusters -o table`,
	}
	command.AddCommand(newExtensionCreateCommand(s), newExtensionShowCommand(s), newExtensionListCommand(s), newExtensionUpdateCommand(s),
		newExtensionDeleteCommand(s), newExtensionEventsCommand(s), newExtensionTypesCommand(s))
	return command
}

// nameExtensionCluster gives a command the flags that name a cluster of either kind.
func nameExtensionCluster(command *cobra.Command, flags *extensionFlags) {
	set := command.Flags()
	set.StringVarP(&flags.group, "resource-group", "g", "", "resource group (default: the one of fairlead configure)")
	set.StringVarP(&flags.cluster, "cluster-name", "c", "", "name of the cluster")
	set.StringVarP(&flags.kind, "cluster-type", "t", client.ConnectedClusters, "kind of the cluster: connectedClusters, or managedClusters for one of AKS' kind")
	set.StringVar(&flags.provider, "cluster-resource-provider", "", "provider of the cluster, which its kind says already")
	also(command, "cluster-resource-provider", "cluster-rp")
	mustFlag(command, "cluster-name")
	_ = command.RegisterFlagCompletionFunc("cluster-type", cobra.FixedCompletions(clusterKinds(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func nameExtension(command *cobra.Command, flags *extensionFlags) {
	nameExtensionCluster(command, flags)
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name of the extension, which its Helm release has as well")
	command.Flags().StringVar(&flags.correlation, "correlation-id", "", "id by which the hub's log can be searched for this run")
	mustFlag(command, "name")
}

func clusterKinds() []string { return []string{client.ConnectedClusters, client.ManagedClusters} }

// clusterProvider is the provider of a kind of clusters.
func clusterProvider(kind string) string {
	if kind == client.ManagedClusters {
		return "Microsoft.ContainerService"
	}
	return "Microsoft.Kubernetes"
}

func (f *extensionFlags) check() error {
	kind := client.ClusterTypeOf(f.kind)
	if kind == "" {
		return usagef("--cluster-type/-t: %.60q is neither %s", f.kind, strings.Join(clusterKinds(), " nor "))
	}
	if f.provider != "" && !strings.EqualFold(f.provider, clusterProvider(kind)) {
		return usagef("--cluster-resource-provider: clusters of kind %s are of %s", kind, clusterProvider(kind))
	}
	f.kind = kind
	if !regexp.MustCompile(clusterName).MatchString(f.cluster) {
		return usagef("--cluster-name/-c: a cluster cannot be called %.100q: a name has 1 to 63 letters, digits, '-', '_' and '.' and begins with a letter or digit", f.cluster)
	}
	return checkGroupFlag(f.group)
}

// extensionName is what names an extension: it is the name of a Helm release as well.
const extensionName = `^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$`

func checkExtensionName(name string) error {
	if regexp.MustCompile(extensionName).MatchString(strings.ToLower(name)) {
		return nil
	}
	return usagef("--name/-n: an extension cannot be called %.100q: a name has 1 to 53 letters, digits, '-' and '.', and begins and ends with a letter or digit", name)
}

// locateExtensionCluster returns the hub and the id of the cluster that the flags name.
func (s *session) locateExtensionCluster(ctx context.Context, flags extensionFlags) (*signedIn, fairlead.ResourceID, error) {
	if err := flags.check(); err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	hub, subscription, group, err := s.placeIn(ctx, flags.group, flags.correlation)
	if err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	if flags.kind == client.ManagedClusters {
		return hub, client.ManagedClusterID(subscription, group, flags.cluster), nil
	}
	return hub, fairlead.ConnectedClusterID(subscription, group, flags.cluster), nil
}

// locateExtension returns the hub and the id of the extension that the flags name.
func (s *session) locateExtension(ctx context.Context, flags extensionFlags) (*signedIn, fairlead.ResourceID, error) {
	if err := checkExtensionName(flags.name); err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	hub, cluster, err := s.locateExtensionCluster(ctx, flags)
	return hub, client.ExtensionID(cluster, flags.name), err
}

// clusterWords are the flags that name the same cluster in another command.
func (f extensionFlags) clusterWords() string {
	words := " -c " + f.cluster + " -t " + f.kind
	if f.group != "" {
		return " -g " + f.group + words
	}
	return words
}

// words are the flags that name the same extension in another command.
func (f extensionFlags) words() string { return f.clusterWords() + " -n " + f.name }

func newExtensionShowCommand(s *session) *cobra.Command {
	var flags extensionFlags
	command := &cobra.Command{
		Use: "show", Short: "Show an extension",
		Long: `Show an extension as its cluster last reported it: properties.provisioningState, currentVersion, statuses and, after a failure,
errorInfo. Protected settings are shown by their keys only. The exit code is 3 when there is none of that name.`,
		Example: "  fairlead k8s-extension show -g shops -c edge-1 -t connectedClusters -n web --query properties.provisioningState -o tsv",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, id, err := s.locateExtension(command.Context(), flags)
			if err != nil {
				return err
			}
			document := client.Document{}
			if err := hub.Get(command.Context(), id.String(), client.ExtensionVersion, &document); err != nil {
				return flags.notThere(err)
			}
			return s.show(withGroup(document), extensionColumns())
		},
	}
	nameExtension(command, &flags)
	return command
}

// notThere says where the right names are to be found.
func (f extensionFlags) notThere(err error) error {
	if fairlead.CodeOf(err) != "ResourceNotFound" {
		return err
	}
	return &hinted{err, "fairlead k8s-extension list" + f.clusterWords() + "   (is the kind of the cluster right?)"}
}

func newExtensionListCommand(s *session) *cobra.Command {
	var flags extensionFlags
	command := &cobra.Command{
		Use: "list", Short: "List the extensions of a cluster",
		Long:    "List the extensions of a cluster, as the cluster last reported them.",
		Example: "  fairlead k8s-extension list -g shops -c edge-1 -t connectedClusters -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.listOnCluster(command.Context(), flags, onCluster{
				below: client.ExtensionsBelow, version: client.ExtensionVersion, columns: extensionColumns(),
				none: "No extensions. Install one: fairlead k8s-extension create -g GROUP -c CLUSTER -t KIND -n NAME --extension-type TYPE",
			})
		},
	}
	nameExtensionCluster(command, &flags)
	return command
}

// onCluster is one kind of resources on a cluster, and what is said when there are none.
type onCluster struct {
	below   func(cluster fairlead.ResourceID) string
	version string
	columns []column
	none    string
}

func (s *session) listOnCluster(ctx context.Context, flags extensionFlags, kind onCluster) error {
	hub, cluster, err := s.locateExtensionCluster(ctx, flags)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, kind.below(cluster), kind.version, nil)
	if err != nil {
		return err
	}
	for _, one := range all {
		withGroup(one)
	}
	return s.list(all, kind.columns, kind.none)
}

// extensionDeleteFlags are what k8s-extension delete can be told.
type extensionDeleteFlags struct {
	extensionFlags
	yes, noWait bool
	force       *bool
}

func newExtensionDeleteCommand(s *session) *cobra.Command {
	var flags extensionDeleteFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove an extension",
		Long: `Remove an extension: the agents uninstall its Helm release, and the command waits until nothing of it is left. When there is none of
that name, there is nothing to do.

--force makes the hub forget the extension even when its cluster is away or uninstalling fails. What was installed then stays in the
cluster; the command says how to remove it by hand.`,
		Example: `  fairlead k8s-extension delete -g shops -c edge-1 -t connectedClusters -n web --yes
  fairlead k8s-extension delete -g shops -c edge-1 -t connectedClusters -n web --force --yes`,
		RunE: func(command *cobra.Command, _ []string) error { return s.extensionDelete(command.Context(), flags) },
	}
	nameExtension(command, &flags.extensionFlags)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait until it is gone")
	offerTristate(command, &flags.force, "force", "forget it whatever its cluster says, and leave behind what it installed")
	return command
}

func (s *session) extensionDelete(ctx context.Context, flags extensionDeleteFlags) error {
	hub, id, err := s.locateExtension(ctx, flags.extensionFlags)
	if err != nil {
		return err
	}
	document := client.Document{}
	err = hub.Get(ctx, id.String(), client.ExtensionVersion, &document)
	if fairlead.CodeOf(err) == "ResourceNotFound" {
		s.warn("No extension with name '%s' found on cluster '%s', so nothing to delete", flags.name, flags.cluster)
		return nil
	}
	if err != nil {
		return err
	}
	forced := flags.force != nil && *flags.force
	if !flags.yes {
		if err := s.confirm(ctx, deleteQuestion(id, forced)); err != nil {
			return err
		}
	}
	if forced {
		return s.extensionForget(ctx, hub, id, document)
	}
	return s.removeExtension(ctx, s.watchExtension(hub, id, "Remove "+flags.name+" from "+flags.cluster, flags.words()), flags)
}

// removeExtension has an extension uninstalled and, unless nobody wants to wait, sees it through.
func (s *session) removeExtension(ctx context.Context, watch *extensionWatch, flags extensionDeleteFlags) error {
	watch.skipPast(ctx)
	begun, err := watch.hub.BeginExtension(ctx, http.MethodDelete, watch.id, nil)
	if err != nil {
		return err
	}
	s.warnLate(ctx, watch.hub, watch.id)
	if flags.noWait {
		return s.say(s.streams.Err, flags.name+" is being removed. See how that goes:\n  fairlead k8s-extension events"+flags.words()+" --follow")
	}
	if err := watch.see(ctx, begun, nil); err != nil {
		return err
	}
	return s.say(s.streams.Err, flags.name+" is removed from "+flags.cluster+".")
}

//nolint:revive // the flag is what the question is about
func deleteQuestion(id fairlead.ResourceID, forced bool) string {
	cluster, _ := fairlead.ParseResourceID(id.Scope)
	if forced {
		return "Forget extension " + id.Name() + " of " + cluster.Name() + " and leave behind what it installed?"
	}
	return "Remove extension " + id.Name() + " from " + cluster.Name() + " with all that it installed?"
}
