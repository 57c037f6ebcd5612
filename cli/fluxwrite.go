package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// fluxWriteFlags are what flux create and update can be told.
type fluxWriteFlags struct {
	fluxFlags
	source           sourceFlags
	scope, namespace string
	kustomizations   [][]string
	suspend          *bool
	noWait, yes      bool
}

func newFluxCreateCommand(s *session) *cobra.Command {
	var flags fluxWriteFlags
	command := &cobra.Command{
		Use: "create", Short: "Have a cluster follow a source",
		Long: `Have a cluster follow a Git repository, a bucket, a container of Azure's blob storage or an artifact in a registry, and apply folders of it
(kustomizations). The command waits until the cluster has made the objects for that, or says why it has not. Creating one that is there
changes it: what is not given goes. The hub installs Flux first in a cluster that has none.

--kustomization can be given several times: name=NAME path=FOLDER depends_on=NAME,NAME interval=10m timeout=10m retry_interval=5m
prune=true force=true wait=false substitute=NAME=VALUE,NAME=VALUE substitute_from=ConfigMap/NAME. Without one, all of the source is applied.

Keys and passwords are best given as files, - for standard input.`,
		Example: `  fairlead k8s-configuration flux create -g shops -c edge-1 -t connectedClusters -n shop --namespace shop \
    -u https://git.example.org/shop.git --branch main \
    -k name=infra path=./infra prune=true -k name=apps path=./apps depends_on=infra prune=true
  vault read … | fairlead k8s-configuration flux create -g shops -c edge-1 -t connectedClusters -n shop \
    -u https://git.example.org/shop.git --branch main --https-user reader --https-key-file -
  fairlead k8s-configuration flux create -g shops -c edge-1 -t connectedClusters -n shop \
    -u git@git.example.org:team/shop.git --tag v1.4 --ssh-private-key-file id_ed25519 --known-hosts-file known_hosts
  fairlead k8s-configuration flux create -g shops -c edge-1 -t connectedClusters -n shop --kind bucket \
    -u https://s3.example.org --bucket-name shop --bucket-access-key reader --bucket-secret-key-file secret
  fairlead k8s-configuration flux create -g shops -c edge-1 -t connectedClusters -n shop --kind oci -u oci://registry.example.org/shop --semver '1.x'`,
		RunE: func(command *cobra.Command, _ []string) error { return s.fluxCreate(command, flags) },
	}
	nameFlux(command, &flags.fluxFlags)
	flags.offer(command)
	set := command.Flags()
	set.StringVarP(&flags.scope, "scope", "s", "", "cluster, or namespace for rights in the configuration's namespace only (default: cluster)")
	set.StringVar(&flags.namespace, "namespace", "", "namespace of the Flux objects (default: default)")
	also(command, "namespace", "ns")
	mustFlag(command, "url")
	_ = command.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{fairlead.ScopeCluster, fairlead.ScopeNamespace}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

func newFluxUpdateCommand(s *session) *cobra.Command {
	var flags fluxWriteFlags
	command := &cobra.Command{
		Use: "update", Short: "Change a configuration",
		Long: `Change what is given of a configuration, and leave the rest as it is: the source, another kind of source, or kustomizations, which are added
or changed by their names (flux kustomization delete removes one). --suspend true stops following the source, false goes on.
Another way to authenticate, such as --sas-token-file where there was an account key, takes the place of the one before.`,
		Example: `  fairlead k8s-configuration flux update -g shops -c edge-1 -t connectedClusters -n shop --tag v1.5
  fairlead k8s-configuration flux update -g shops -c edge-1 -t connectedClusters -n shop --suspend true
  fairlead k8s-configuration flux update -g shops -c edge-1 -t connectedClusters -n shop --https-user reader --https-key-file token`,
		RunE: func(command *cobra.Command, _ []string) error { return s.fluxUpdate(command, flags) },
	}
	nameFlux(command, &flags.fluxFlags)
	flags.offer(command)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask before the kind of the source changes")
	return command
}

func (f *fluxWriteFlags) offer(command *cobra.Command) {
	f.source.offer(command)
	command.Flags().VarP(&groups{&f.kustomizations}, "kustomization", "k", "a folder to apply, as words: name=NAME path=FOLDER …")
	offerTristate(command, &f.suspend, "suspend", "do not follow the source for the time being")
	command.Flags().BoolVar(&f.noWait, "no-wait", false, "do not wait for the cluster")
}

// fitting refuses flags that are for another kind of source.
func fitting(command *cobra.Command, kind string) error {
	wrong := givenMaterial(command, kind)
	for flag, kinds := range ofKind() {
		if command.Flags().Changed(flag) && !slices.Contains(kinds, kind) {
			wrong = append(wrong, "--"+flag)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	word := ""
	for known, of := range sourceWords() {
		if of == kind {
			word = known
		}
	}
	return usagef("%s: not for a source of kind %s", strings.Join(sortedWords(wrong), ", "), word)
}

// properties are those that both ways of writing have.
func (f *fluxWriteFlags) properties(ctx context.Context, s *session, kind string) (client.Document, error) {
	source, protected, err := f.source.source(ctx, s, kind)
	if err != nil {
		return nil, err
	}
	kustomizations, err := readKustomizations(f.kustomizations)
	if err != nil {
		return nil, err
	}
	properties := client.Document{}
	if len(source) > 0 {
		properties[sourceProperty(kind)] = source
	}
	if len(protected) > 0 {
		properties["configurationProtectedSettings"] = protected
	}
	if len(kustomizations) > 0 {
		properties["kustomizations"] = kustomizations
	}
	if f.suspend != nil {
		properties["suspend"] = *f.suspend
	}
	return properties, nil
}

func (s *session) fluxCreate(command *cobra.Command, flags fluxWriteFlags) error {
	ctx := command.Context()
	kind, err := flags.source.wantedKind("")
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		func() error { return fitting(command, kind) }, func() error { return flags.source.checkNew(kind) }, flags.source.checkReference, flags.checkScope,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	hub, id, err := s.locateFlux(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	properties, err := flags.properties(ctx, s, kind)
	if err != nil {
		return err
	}
	properties["sourceKind"] = kind
	if flags.scope != "" {
		properties["scope"] = strings.ToLower(flags.scope)
	}
	if flags.namespace != "" {
		properties["namespace"] = flags.namespace
	}
	if _, given := properties["kustomizations"]; !given {
		s.warn("no kustomization was given: one called kustomization-1 applies all of the source")
		properties["kustomizations"] = client.Document{"kustomization-1": client.Document{}}
	}
	return s.changeFlux(ctx, fluxWait{hub, id, "Have " + flags.cluster + " follow " + flags.name, flags.fluxFlags}, http.MethodPut, properties, flags.noWait)
}

func (f *fluxWriteFlags) checkScope() error {
	if f.scope != "" && !strings.EqualFold(f.scope, fairlead.ScopeCluster) && !strings.EqualFold(f.scope, fairlead.ScopeNamespace) {
		return usagef("--scope/-s: %.60q is neither cluster nor namespace", f.scope)
	}
	return nil
}

func (s *session) fluxUpdate(command *cobra.Command, flags fluxWriteFlags) error {
	ctx := command.Context()
	hub, id, err := s.locateFlux(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	if err := flags.source.checkReference(); err != nil {
		return err
	}
	found, err := hub.Flux(ctx, id)
	if err != nil {
		return flags.notThere(err)
	}
	kind, err := flags.source.wantedKind(found.Properties.SourceKind)
	if err != nil {
		return err
	}
	if err := fitting(command, kind); err != nil {
		return err
	}
	properties, err := flags.properties(ctx, s, kind)
	if err != nil {
		return err
	}
	if kind == found.Properties.SourceKind {
		leaveOtherWays(kind, properties)
	} else {
		if err := s.swapKind(ctx, flags, found, kind); err != nil {
			return err
		}
		properties["sourceKind"] = kind
	}
	if len(properties) == 0 {
		return usagef("nothing to change was given")
	}
	return s.changeFlux(ctx, fluxWait{hub, id, "Change " + flags.name + " on " + flags.cluster, flags.fluxFlags}, http.MethodPatch, properties, flags.noWait)
}

func (s *session) swapKind(ctx context.Context, flags fluxWriteFlags, found client.Flux, kind string) error {
	if err := flags.source.checkNew(kind); err != nil {
		return err
	}
	if flags.yes {
		return nil
	}
	return s.confirm(ctx, "Follow a source of kind "+kind+" instead of "+found.Properties.SourceKind+"? Kustomizations may have other paths there.")
}

// changeFlux sends a change and, unless nobody wants to wait, sees it through.
//
//nolint:revive // flag-parameter: it is the person's wish
func (s *session) changeFlux(ctx context.Context, wait fluxWait, method string, properties client.Document, noWait bool) error {
	begun, err := wait.hub.BeginFlux(ctx, method, wait.id, client.Document{"properties": properties})
	if err != nil {
		return wait.flags.notThere(err)
	}
	s.warnLate(ctx, wait.hub, wait.id)
	document := client.Document{}
	if noWait {
		if err := begun.Response.Decode(&document); err != nil {
			return err
		}
		return s.tell(wait.flags.name+" is on its way. See how that goes:\n  fairlead k8s-configuration flux show"+wait.flags.words()+" --watch", withGroup(document), fluxColumns())
	}
	if err := s.seeFlux(ctx, wait, begun, &document); err != nil {
		return err
	}
	s.warnOf(fluxTrouble(document))
	return s.tell(fluxDone(document)+"\n  fairlead k8s-configuration flux show"+wait.flags.words()+" --watch", withGroup(document), fluxColumns())
}

// fluxTrouble is what already stands in the way of a configuration that has just been written; the cluster tries on.
func fluxTrouble(document client.Document) string {
	var done client.Flux
	if client.Decode(document, &done) != nil || done.Properties.ComplianceState != fairlead.FluxNonCompliant {
		return ""
	}
	return fluxLine(done)
}

func fluxDone(document client.Document) string {
	var done client.Flux
	if client.Decode(document, &done) != nil {
		return "Done."
	}
	text := done.Name + " is followed (" + done.Properties.ComplianceState + ")."
	if key := done.Properties.RepositoryPublicKey; key != "" {
		text += " The repository has to let this key read:\n  " + strings.Map(printable, key)
	}
	return text
}
