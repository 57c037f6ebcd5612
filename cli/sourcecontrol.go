package cli

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func sourceControlColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "RepositoryUrl", path: "properties.repositoryUrl"},
		{title: "OperatorNamespace", path: "properties.operatorNamespace"},
		{title: "Scope", path: "properties.operatorScope"},
		{title: "ProvisioningState", path: "properties.provisioningState"},
		{title: "ComplianceState", path: "properties.complianceStatus.complianceState"},
	}
}

// locateSourceControl returns the hub and the id of the configuration of Flux v1 that the flags name.
func (s *session) locateSourceControl(ctx context.Context, flags fluxFlags) (*signedIn, fairlead.ResourceID, error) {
	if err := checkFluxName("--name/-n", flags.name); err != nil {
		return nil, fairlead.ResourceID{}, err
	}
	hub, cluster, err := s.locateExtensionCluster(ctx, flags.extensionFlags)
	return hub, client.SourceControlID(cluster, flags.name), err
}

// earlierNotThere says where the right names are to be found.
func (f fluxFlags) earlierNotThere(err error) error {
	if fairlead.CodeOf(err) != "ResourceNotFound" {
		return err
	}
	return &hinted{err, "fairlead k8s-configuration list" + f.clusterWords() + "   (those of Flux 2: fairlead k8s-configuration flux list)"}
}

// sourceControlFlags are those of az for a configuration of Flux v1.
type sourceControlFlags struct {
	fluxFlags
	wanted                                                    fairlead.SourceControl
	sshKey, sshKeyFile, httpsUser, httpsKey, hosts, hostsFile string
	helmParams, helmVersion                                   string
	helm                                                      *bool
}

func newSourceControlCreateCommand(s *session) *cobra.Command {
	var flags sourceControlFlags
	command := &cobra.Command{
		Use: "create", Short: "What was Flux v1: prints the command of Flux 2 that does the same",
		Long: `Flux v1 is retired, in the original as well, and nothing is created. The command takes the flags that az k8s-configuration create had, prints the
command of Flux 2 that does the same, and exits with 1. No secret is printed: the command says where it reads it from.`,
		Example: `  fairlead k8s-configuration create -g shops -c edge-1 -t connectedClusters -n shop -u https://git.example.org/shop.git \
    --operator-namespace shop --operator-params '--git-branch=main --git-path=releases --sync-garbage-collection'`,
		RunE: func(*cobra.Command, []string) error { return s.sourceControlCreate(flags) },
	}
	nameFlux(command, &flags.fluxFlags)
	set := command.Flags()
	set.StringVarP(&flags.wanted.RepositoryURL, "repository-url", "u", "", "URL of the Git repository")
	set.StringVar(&flags.wanted.OperatorScope, "scope", "namespace", "cluster or namespace")
	set.StringVar(&flags.wanted.OperatorInstanceName, "operator-instance-name", "", "name of the operator")
	set.StringVar(&flags.wanted.OperatorNamespace, "operator-namespace", "default", "namespace of the operator")
	set.StringVar(&flags.wanted.OperatorType, "operator-type", "flux", "type of the operator")
	set.StringVar(&flags.wanted.OperatorParams, "operator-params", "", "what Flux v1 is started with, such as --git-branch=main")
	set.StringVar(&flags.sshKey, "ssh-private-key", "", "private SSH key, in base64")
	set.StringVar(&flags.sshKeyFile, "ssh-private-key-file", "", "file with the private SSH key")
	set.StringVar(&flags.httpsUser, "https-user", "", "user at the Git server")
	set.StringVar(&flags.httpsKey, "https-key", "", "password or token for the repository")
	set.StringVar(&flags.hosts, "ssh-known-hosts", "", "lines as in ~/.ssh/known_hosts, in base64")
	set.StringVar(&flags.hostsFile, "ssh-known-hosts-file", "", "file with such lines")
	set.StringVar(&flags.helmParams, "helm-operator-params", "", "settings of the Helm operator, which Flux 2 does without")
	set.StringVar(&flags.helmVersion, "helm-operator-chart-version", "", "version of the Helm operator, which Flux 2 does without")
	offerTristate(command, &flags.helm, "enable-helm-operator", "read HelmRelease objects")
	mustFlag(command, "repository-url")
	_ = command.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{fairlead.ScopeCluster, fairlead.ScopeNamespace}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

// check refuses what would become a command that is refused.
func (f *sourceControlFlags) check() error {
	switch scope := f.wanted.OperatorScope; {
	case !strings.EqualFold(scope, fairlead.ScopeCluster) && !strings.EqualFold(scope, fairlead.ScopeNamespace):
		return usagef("--scope: %.60q is neither cluster nor namespace", scope)
	case !strings.EqualFold(f.wanted.OperatorType, "flux"):
		return usagef("--operator-type: %.60q is not flux", f.wanted.OperatorType)
	}
	if err := checkFluxName("--name/-n", f.name); err != nil {
		return err
	}
	return f.extensionFlags.check()
}

func (s *session) sourceControlCreate(flags sourceControlFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	flags.wanted.EnableHelmOperator = fairlead.Truth(flags.helm != nil && *flags.helm)
	spec, notes, err := flags.wanted.Flux()
	if err != nil {
		return usagef("--operator-params: %w", err)
	}
	for _, note := range notes {
		s.warn("%s", note)
	}
	words := []string{"fairlead k8s-configuration flux create" + flags.words()}
	words = append(words, fluxWords(spec)...)
	words = append(words, flags.secretWords()...)
	if err := s.say(s.streams.Out, strings.Join(words, " ")); err != nil {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "Flux v1 is retired, and nothing was created. The command of Flux 2 that does the same is printed above").WithCode("FluxV1Retired")
}

// fluxWords are the flags of flux create for a configuration that was of Flux v1.
func fluxWords(spec fairlead.FluxSpec) []string {
	git := spec.GitRepository
	words := []string{
		"--scope " + spec.Scope, "--namespace " + spec.Namespace, "-u " + quoted(git.URL), "--branch " + quoted(git.RepositoryRef.Branch),
		"--interval " + secondsText(float64(git.SyncIntervalInSeconds)),
	}
	if git.TimeoutInSeconds > 0 {
		words = append(words, "--timeout "+secondsText(float64(git.TimeoutInSeconds)))
	}
	for _, name := range sortedKeys(spec.Kustomizations) {
		one := spec.Kustomizations[name]
		word := "-k name=" + name + " path=" + quoted(one.Path) + " interval=" + secondsText(float64(one.SyncIntervalInSeconds))
		if one.Prune {
			word += " prune=true"
		}
		words = append(words, word)
	}
	return words
}

// secretWords say where secrets are read from, and hold none.
func (f sourceControlFlags) secretWords() []string {
	var words []string
	switch {
	case f.sshKeyFile != "":
		words = append(words, "--ssh-private-key-file "+quoted(f.sshKeyFile))
	case f.sshKey != "":
		words = append(words, "--ssh-private-key-file FILE")
	case f.httpsUser != "" || f.httpsKey != "":
		words = append(words, "--https-user "+quoted(f.httpsUser), "--https-key-file FILE")
	}
	switch {
	case f.hostsFile != "":
		words = append(words, "--known-hosts-file "+quoted(f.hostsFile))
	case f.hosts != "":
		words = append(words, "--known-hosts "+quoted(f.hosts))
	}
	return words
}

func newSourceControlShowCommand(s *session) *cobra.Command {
	var flags fluxFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a configuration of Flux v1",
		Long:    "Show a configuration of Flux v1, which runs on Flux 2. complianceStatus says what of it has no counterpart there.",
		Example: "  fairlead k8s-configuration show -g shops -c edge-1 -t connectedClusters -n shop",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, id, err := s.locateSourceControl(command.Context(), flags)
			if err != nil {
				return err
			}
			document := client.Document{}
			if err := hub.Get(command.Context(), id.String(), client.SourceControlVersion, &document); err != nil {
				return flags.earlierNotThere(err)
			}
			return s.show(withGroup(document), sourceControlColumns())
		},
	}
	nameFlux(command, &flags)
	return command
}

func newSourceControlListCommand(s *session) *cobra.Command {
	var flags fluxFlags
	command := &cobra.Command{
		Use: "list", Short: "List the configurations of Flux v1 of a cluster",
		Long:    "List the configurations of Flux v1 of a cluster. Those of Flux 2 are listed by fairlead k8s-configuration flux list.",
		Example: "  fairlead k8s-configuration list -g shops -c edge-1 -t connectedClusters -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.listOnCluster(command.Context(), flags.extensionFlags, onCluster{
				below: client.SourceControlBelow, version: client.SourceControlVersion, columns: sourceControlColumns(),
				none: "No configurations of Flux v1. Those of Flux 2: fairlead k8s-configuration flux list -g GROUP -c CLUSTER -t KIND",
			})
		},
	}
	nameExtensionCluster(command, &flags.extensionFlags)
	return command
}

func newSourceControlDeleteCommand(s *session) *cobra.Command {
	var flags fluxDeleteFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove a configuration of Flux v1",
		Long:    "Remove a configuration of Flux v1, and wait until the cluster has. What it applied goes as well when it collects garbage, and stays otherwise.",
		Example: "  fairlead k8s-configuration delete -g shops -c edge-1 -t connectedClusters -n shop --yes",
		RunE:    func(command *cobra.Command, _ []string) error { return s.sourceControlDelete(command.Context(), flags) },
	}
	nameFlux(command, &flags.fluxFlags)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait until it is gone")
	return command
}

func (s *session) sourceControlDelete(ctx context.Context, flags fluxDeleteFlags) error {
	hub, id, err := s.locateSourceControl(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	there, err := hub.Exists(ctx, id.String(), client.SourceControlVersion)
	if err != nil {
		return err
	}
	if !there {
		s.warn("No configuration with name '%s' found on cluster '%s', so nothing to delete", flags.name, flags.cluster)
		return nil
	}
	if !flags.yes {
		if err := s.confirm(ctx, "Remove configuration "+flags.name+" from "+flags.cluster+"?"); err != nil {
			return err
		}
	}
	begun, err := hub.Begin(ctx, client.Call{Method: http.MethodDelete, Path: id.String(), Version: client.SourceControlVersion, Async: true})
	if err != nil {
		return err
	}
	if flags.noWait {
		return s.say(s.streams.Err, flags.name+" is being removed. See how that goes:\n  fairlead k8s-configuration show"+flags.words())
	}
	report := s.progress()
	report.Begin("Remove " + flags.name + " from " + flags.cluster)
	err = begun.Wait(ctx, nil)
	report.End("", err)
	switch {
	case ctx.Err() != nil:
		return &hinted{err, "fairlead k8s-configuration show" + flags.words() + "   (the cluster goes on without anybody who waits)"}
	case err != nil:
		return err
	}
	return s.say(s.streams.Err, flags.name+" is removed from "+flags.cluster+".")
}

type migrateFlags struct {
	fluxFlags
	all, yes bool
}

func newSourceControlMigrateCommand(s *session) *cobra.Command {
	var flags migrateFlags
	command := &cobra.Command{
		Use: "migrate", Short: "Make configurations of Flux v1 configurations of Flux 2",
		Long: `Make a configuration of Flux v1, or with --all every one of a cluster, a configuration of Flux 2 of the same name. It already runs on Flux 2, and
in the cluster the same objects go on, with their secrets: nothing is removed and applied anew.`,
		Example: `  fairlead k8s-configuration migrate -g shops -c edge-1 -t connectedClusters -n shop
  fairlead k8s-configuration migrate -g shops -c edge-1 -t connectedClusters --all --yes`,
		RunE: func(command *cobra.Command, _ []string) error { return s.migrate(command.Context(), flags) },
	}
	nameExtensionCluster(command, &flags.extensionFlags)
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name of the configuration")
	command.Flags().BoolVar(&flags.all, "all", false, "every configuration of Flux v1 of the cluster")
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.MarkFlagsOneRequired("name", "all")
	command.MarkFlagsMutuallyExclusive("name", "all")
	return command
}

func (s *session) migrate(ctx context.Context, flags migrateFlags) error {
	if !flags.all {
		if err := checkFluxName("--name/-n", flags.name); err != nil {
			return err
		}
	}
	hub, cluster, err := s.locateExtensionCluster(ctx, flags.extensionFlags)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, client.SourceControlBelow(cluster), client.SourceControlVersion, nil)
	if err != nil {
		return err
	}
	migrated := []client.Document{}
	for _, one := range all {
		if name := text(one, "name"); flags.all || strings.EqualFold(name, flags.name) {
			document, err := s.migrateOne(ctx, hub, cluster, flags, one)
			if err != nil {
				return err
			}
			migrated = append(migrated, withGroup(document))
		}
	}
	if len(migrated) == 0 && !flags.all {
		return flags.earlierNotThere(fairlead.Errorf(fairlead.NotFound, "cluster %s has no configuration %s of Flux v1", flags.cluster, flags.name).WithCode("ResourceNotFound"))
	}
	return s.list(migrated, fluxColumns(), "No configurations of Flux v1.")
}

func (s *session) migrateOne(ctx context.Context, hub *signedIn, cluster fairlead.ResourceID, flags migrateFlags, document client.Document) (client.Document, error) {
	var old struct {
		Name       string `json:"name"`
		Properties struct {
			fairlead.SourceControl

			Protected map[string]*string `json:"configurationProtectedSettings"`
		} `json:"properties"`
	}
	if err := client.Decode(document, &old); err != nil {
		return nil, err
	}
	spec, notes, err := old.Properties.Flux()
	if err != nil {
		return nil, err
	}
	for _, note := range notes {
		s.warn("%s: %s", old.Name, note)
	}
	if !flags.yes {
		if err := s.confirm(ctx, "Make "+old.Name+" a configuration of Flux 2?"); err != nil {
			return nil, err
		}
	}
	flags.name = old.Name
	made := client.Document{}
	wait := fluxWait{hub, client.FluxID(cluster, old.Name), "Make " + old.Name + " a configuration of Flux 2", flags.fluxFlags}
	begun, err := hub.BeginFlux(ctx, http.MethodPut, wait.id, client.Document{"properties": migrated(spec, old.Properties.Protected)})
	if err != nil {
		return nil, err
	}
	return made, s.seeFlux(ctx, wait, begun, &made)
}

// migrated are the properties of the configuration of Flux 2. Secrets are named without their values, which the hub has.
func migrated(spec fairlead.FluxSpec, secrets map[string]*string) client.Document {
	properties := client.Document{
		"scope": spec.Scope, "namespace": spec.Namespace, "sourceKind": spec.SourceKind, "gitRepository": spec.GitRepository, "kustomizations": spec.Kustomizations,
	}
	kept := client.Document{}
	for name := range secrets {
		if name == fairlead.FluxHTTPSKey || name == fairlead.FluxSSHPrivateKey {
			kept[name] = nil
		}
	}
	properties["configurationProtectedSettings"] = kept
	return properties
}
