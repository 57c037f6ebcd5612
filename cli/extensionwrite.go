package cli

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// extensionWriteFlags are what k8s-extension create and update can be told.
type extensionWriteFlags struct {
	extensionFlags
	settings                             settingFlags
	remove                               removals
	extensionType, scope                 string
	targetNamespace, releaseNamespace    string
	train, version                       string
	autoUpgrade                          *bool
	planName, planProduct, planPublisher string
	adopt, keep, noWait, yes             bool
	timeout                              time.Duration
}

func newExtensionCreateCommand(s *session) *cobra.Command {
	var flags extensionWriteFlags
	command := &cobra.Command{
		Use: "create", Short: "Install an extension",
		Long: `Install an extension in a cluster, and wait until the cluster says that it runs, or why it does not. Creating one that is there
changes it: settings that are not given go.

Without --version the hub takes the newest version of the release train and, with --auto-upgrade-minor-version, goes on doing so. What
happens in the cluster is shown while it happens; when installing fails, the exit code is 1 and the error says which object is at fault,
why, where that was seen, and what to type. Ctrl-C ends the waiting, not the installing.`,
		Example: `  fairlead k8s-extension create -g shops -c edge-1 -t connectedClusters -n web --extension-type contoso.web
  fairlead k8s-extension create -g shops -c edge-1 -t connectedClusters -n web --extension-type contoso.web \
    --release-train preview --config replicas=2 image.tag=1.4 --config-protected-file secrets.json
  vault read -format=json … | fairlead k8s-extension create … --config-protected-file -
  fairlead k8s-extension create -g shops -c edge-1 -t connectedClusters -n web --extension-type contoso.web \
    --version 1.4.2 --auto-upgrade false --scope namespace --target-namespace shop`,
		RunE: func(command *cobra.Command, _ []string) error { return s.extensionCreate(command.Context(), flags) },
	}
	nameExtension(command, &flags.extensionFlags)
	flags.offer(command)
	set := command.Flags()
	set.StringVar(&flags.extensionType, "extension-type", "", "extension type; fairlead extension-type list shows them")
	set.StringVar(&flags.scope, "scope", "", "cluster, or namespace for an extension that keeps to one (default: the type's)")
	set.StringVar(&flags.releaseNamespace, "release-namespace", "", "namespace of the Helm release, with scope cluster (default: the type's)")
	set.StringVar(&flags.targetNamespace, "target-namespace", "", "the namespace, with scope namespace")
	set.StringVar(&flags.planName, "plan-name", "", "plan of an offer; kept and shown, and nothing else")
	set.StringVar(&flags.planProduct, "plan-product", "", "product of the plan")
	set.StringVar(&flags.planPublisher, "plan-publisher", "", "publisher of the plan")
	set.BoolVar(&flags.adopt, "adopt", false, "take over a Helm release of that name, or objects, that are there already")
	mustFlag(command, "extension-type")
	command.MarkFlagsRequiredTogether("plan-name", "plan-product", "plan-publisher")
	command.MarkFlagsMutuallyExclusive("release-namespace", "target-namespace")
	_ = command.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{fairlead.ScopeCluster, fairlead.ScopeNamespace}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

func newExtensionUpdateCommand(s *session) *cobra.Command {
	var flags extensionWriteFlags
	command := &cobra.Command{
		Use: "update", Short: "Change an extension",
		Long: `Change the version, release train or settings of an extension, and wait until the cluster runs it so, or says why it does not.
Settings that are not given stay as they are; --remove-config takes away those that it names.
A failed upgrade goes back to the last good revision of the Helm release.`,
		Example: `  fairlead k8s-extension update -g shops -c edge-1 -t connectedClusters -n web --config replicas=3 --remove-config image.tag debug
  fairlead k8s-extension update -g shops -c edge-1 -t connectedClusters -n web --version 1.5.0 --auto-upgrade false
  fairlead k8s-extension update -g shops -c edge-1 -t connectedClusters -n web --config-protected-file secrets.json`,
		RunE: func(command *cobra.Command, _ []string) error { return s.extensionUpdate(command.Context(), flags) },
	}
	nameExtension(command, &flags.extensionFlags)
	flags.offer(command)
	flags.remove.offer(command)
	command.Flags().BoolVar(&flags.adopt, "adopt", false, "take over objects that are there already")
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "accepted as az has it; updating asks nothing")
	return command
}

// offer gives a command the flags that creating and updating share.
func (f *extensionWriteFlags) offer(command *cobra.Command) {
	f.settings.offer(command)
	set := command.Flags()
	set.StringVar(&f.train, "release-train", "", "release train (default: stable)")
	set.StringVar(&f.version, "version", "", "exactly this version, which is never upgraded")
	offerTristate(command, &f.autoUpgrade, "auto-upgrade-minor-version", "whether the hub upgrades it within its release train")
	also(command, "auto-upgrade-minor-version", "auto-upgrade")
	set.DurationVar(&f.timeout, "timeout", 0, "how long its objects may take to become ready, such as 5m (default: 10m)")
	set.BoolVar(&f.keep, "keep-failed-upgrade", false, "leave an upgrade that fails as it is, to look at; otherwise the last good revision is restored")
	set.BoolVar(&f.noWait, "no-wait", false, "do not wait for the cluster")
}

func (f *extensionWriteFlags) check() error {
	switch {
	case f.version != "" && f.autoUpgrade != nil && *f.autoUpgrade:
		return usagef("--version pins the extension: --auto-upgrade-minor-version must then be false")
	case f.scope != "" && !strings.EqualFold(f.scope, fairlead.ScopeCluster) && !strings.EqualFold(f.scope, fairlead.ScopeNamespace):
		return usagef("--scope: %.60q is neither cluster nor namespace", f.scope)
	case strings.EqualFold(f.scope, fairlead.ScopeCluster) && f.targetNamespace != "":
		return usagef("--target-namespace is for --scope namespace; with --scope cluster give --release-namespace")
	case strings.EqualFold(f.scope, fairlead.ScopeNamespace) && f.releaseNamespace != "":
		return usagef("--release-namespace is for --scope cluster; with --scope namespace give --target-namespace")
	case strings.EqualFold(f.scope, fairlead.ScopeNamespace) && f.targetNamespace == "":
		return usagef("--target-namespace is missing: --scope namespace needs it")
	case f.timeout < 0 || f.timeout%time.Second != 0:
		return usagef("--timeout: %s is not a number of seconds or minutes, such as 90s or 5m", f.timeout)
	}
	return nil
}

// shared are the properties that both ways of writing have.
func (f *extensionWriteFlags) shared(given settings) client.Document {
	properties := client.Document{"configurationSettings": given.plain, "configurationProtectedSettings": given.protected}
	for name, value := range map[string]string{"releaseTrain": f.train, "version": f.version} {
		if value != "" {
			properties[name] = value
		}
	}
	switch {
	case f.autoUpgrade != nil:
		properties["autoUpgradeMinorVersion"] = *f.autoUpgrade
	case f.version != "":
		properties["autoUpgradeMinorVersion"] = false
	}
	for name, wanted := range map[string]bool{"adopt": f.adopt, "keepFailedUpgrade": f.keep} {
		if wanted {
			properties[name] = true
		}
	}
	if f.timeout > 0 {
		properties["timeoutSeconds"] = int(f.timeout / time.Second)
	}
	return properties
}

// scoped is the property scope, nil when the type's default is to do.
func (f *extensionWriteFlags) scoped() client.Document {
	switch {
	case f.targetNamespace != "":
		return client.Document{"namespace": client.Document{"targetNamespace": f.targetNamespace}}
	case f.releaseNamespace != "":
		return client.Document{"cluster": client.Document{"releaseNamespace": f.releaseNamespace}}
	case f.scope != "":
		return client.Document{"cluster": client.Document{}}
	}
	return nil
}

func (f *extensionWriteFlags) document(given settings) client.Document {
	properties := f.shared(given)
	properties["extensionType"] = strings.ToLower(f.extensionType)
	if scope := f.scoped(); scope != nil {
		properties["scope"] = scope
	}
	body := client.Document{"identity": client.Document{"type": "SystemAssigned"}, "properties": properties}
	if f.planName != "" {
		body["plan"] = client.Document{"name": f.planName, "product": f.planProduct, "publisher": f.planPublisher}
	}
	return body
}

func (s *session) extensionCreate(ctx context.Context, flags extensionWriteFlags) error {
	hub, id, given, err := s.prepareExtension(ctx, &flags)
	if err != nil {
		return err
	}
	watch := s.watchExtension(hub, id, "Install "+flags.name+" in "+flags.cluster, flags.words())
	return s.changeExtension(ctx, watch, flags, http.MethodPut, flags.document(given))
}

func (s *session) extensionUpdate(ctx context.Context, flags extensionWriteFlags) error {
	hub, id, given, err := s.prepareExtension(ctx, &flags)
	if err != nil {
		return err
	}
	properties := flags.shared(given)
	if properties["configurationSettings"], properties["configurationProtectedSettings"], err = flags.remove.patch(given); err != nil {
		return err
	}
	if exists, err := hub.Exists(ctx, id.String(), client.ExtensionVersion); err == nil && !exists {
		return flags.notThere(fairlead.Errorf(fairlead.NotFound, "(ResourceNotFound) cluster %s has no extension %s", flags.cluster, flags.name))
	}
	watch := s.watchExtension(hub, id, "Change "+flags.name+" in "+flags.cluster, flags.words())
	return s.changeExtension(ctx, watch, flags, http.MethodPatch, client.Document{"properties": properties})
}

func (s *session) prepareExtension(ctx context.Context, flags *extensionWriteFlags) (*signedIn, fairlead.ResourceID, settings, error) {
	if err := flags.check(); err != nil {
		return nil, fairlead.ResourceID{}, settings{}, err
	}
	hub, id, err := s.locateExtension(ctx, flags.extensionFlags)
	if err != nil {
		return nil, id, settings{}, err
	}
	given, err := flags.settings.read(ctx, s)
	return hub, id, given, err
}

// changeExtension sends a change and, unless nobody wants to wait, sees it through.
func (s *session) changeExtension(ctx context.Context, watch *extensionWatch, flags extensionWriteFlags, method string, body client.Document) error {
	watch.skipPast(ctx)
	begun, err := watch.hub.BeginExtension(ctx, method, watch.id, body)
	if err != nil {
		return err
	}
	s.warnLate(ctx, watch.hub, watch.id)
	document := client.Document{}
	if flags.noWait {
		if err := begun.Response.Decode(&document); err != nil {
			return err
		}
		return s.tell(flags.name+" is on its way. See how that goes:\n  fairlead k8s-extension events"+flags.words()+" --follow", withGroup(document), extensionColumns())
	}
	if err := watch.see(ctx, begun, &document); err != nil {
		return err
	}
	return s.tell(extensionDone(document)+"\n  fairlead k8s-extension show"+flags.words(), withGroup(document), extensionColumns())
}

func extensionDone(document client.Document) string {
	var done client.Extension
	if client.Decode(document, &done) != nil {
		return "Done."
	}
	version := first(done.Properties.CurrentVersion, done.Properties.Version)
	return strings.TrimSpace(done.Name+" runs "+done.Properties.ExtensionType+" "+version) + "."
}
