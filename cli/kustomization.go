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

// kustomizationFlags name a kustomization, and say what it is to be.
type kustomizationFlags struct {
	fluxFlags
	kustomization                           string
	path, depends, interval, timeout, retry string
	prune, force, wait, unchecked           *bool
	substitute, substituteFrom              []string
	noWait, yes                             bool
}

func kustomizationColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "Path", path: "path"},
		{title: "DependsOn", path: "join(', ', dependsOn || `[]`)"},
		{title: "SyncInterval", path: "syncIntervalInSeconds", write: secondsText},
		{title: "Timeout", path: "timeoutInSeconds", write: secondsText},
		{title: "Prune", path: "prune"},
		{title: "Force", path: "force"},
		{title: "Wait", path: "wait"},
	}
}

// secondsText writes seconds as a person would.
func secondsText(value any) string {
	seconds, ok := value.(float64)
	if !ok {
		return scalar(value)
	}
	text := (time.Duration(seconds) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func newKustomizationCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "kustomization", Short: "Folders of a source that a configuration applies",
		Long:    "Add, see, change and remove the kustomizations of a configuration, each of which is a folder of its source that is applied.",
		Example: "  fairlead k8s-configuration flux kustomization list -g shops -c edge-1 -t connectedClusters -n shop -o table",
	}
	command.AddCommand(
		kustomizationWriteCommand("create", "Add a kustomization", "Add a kustomization to a configuration, and wait until the cluster has it.", s.kustomizationCreate),
		kustomizationWriteCommand("update", "Change a kustomization", "Change what is given of a kustomization, and leave the rest as it is.", s.kustomizationUpdate),
		newKustomizationShowCommand(s), newKustomizationListCommand(s), newKustomizationDeleteCommand(s))
	return command
}

func kustomizationWriteCommand(use, short, long string, run func(context.Context, kustomizationFlags) error) *cobra.Command {
	var flags kustomizationFlags
	command := &cobra.Command{
		Use: use, Short: short, Long: long,
		Example: "  fairlead k8s-configuration flux kustomization " + use + " -g shops -c edge-1 -t connectedClusters -n shop -k apps --path ./apps --depends-on infra --prune",
		RunE:    func(command *cobra.Command, _ []string) error { return run(command.Context(), flags) },
	}
	nameKustomization(command, &flags)
	set := command.Flags()
	set.StringVar(&flags.path, "path", "", "folder of the source (default: all of it)")
	set.StringVar(&flags.depends, "depends-on", "", "kustomizations of the configuration that come before it, separated by commas")
	set.StringVar(&flags.interval, "interval", "", "how often it is applied again, such as 5m (default: 10m)")
	set.StringVar(&flags.timeout, "timeout", "", "how long applying may take (default: 10m)")
	set.StringVar(&flags.retry, "retry-interval", "", "how soon it is tried again after a failure (default: --interval)")
	offerTristate(command, &flags.prune, "prune", "remove what the source no longer has")
	offerTristate(command, &flags.force, "force", "make objects anew that cannot be changed, such as Jobs")
	offerTristate(command, &flags.wait, "wait", "wait until what is applied is ready")
	offerTristate(command, &flags.unchecked, "disable-health-check", "do not wait until what is applied is ready, as az has it")
	set.Var(&words{into: &flags.substitute}, "substitute", "NAME=VALUE: replaces ${NAME} in what is applied")
	set.Var(&words{into: &flags.substituteFrom}, "substitute-from", "ConfigMap/NAME or Secret/NAME with such values; a ? behind it when it may be missing")
	set.BoolVar(&flags.noWait, "no-wait", false, "do not wait for the cluster")
	also(command, "depends-on", "depends", "dependencies")
	also(command, "interval", "sync-interval")
	command.MarkFlagsMutuallyExclusive("wait", "disable-health-check")
	return command
}

func nameKustomization(command *cobra.Command, flags *kustomizationFlags) {
	nameFlux(command, &flags.fluxFlags)
	command.Flags().StringVarP(&flags.kustomization, "kustomization-name", "k", "", "name of the kustomization")
	mustFlag(command, "kustomization-name")
}

// document is what was given of a kustomization.
func (f *kustomizationFlags) document() (client.Document, error) {
	given := client.Document{}
	for _, one := range []struct{ meaning, flag, value string }{
		{"path", "--path", f.path},
		{"dependsOn", "--depends-on", f.depends},
		{"syncIntervalInSeconds", "--interval", f.interval},
		{"timeoutInSeconds", "--timeout", f.timeout},
		{"retryIntervalInSeconds", "--retry-interval", f.retry},
		{"substitute", "--substitute", strings.Join(f.substitute, ",")},
		{"substituteFrom", "--substitute-from", strings.Join(f.substituteFrom, ",")},
	} {
		if one.value == "" {
			continue
		}
		if err := putKustomization(given, one.meaning, one.flag, one.value); err != nil {
			return nil, err
		}
	}
	for name, value := range map[string]*bool{"prune": f.prune, "force": f.force, "wait": f.wait} {
		if value != nil {
			given[name] = *value
		}
	}
	if f.unchecked != nil {
		given["wait"] = !*f.unchecked
	}
	return given, nil
}

// kustomizationsOf returns the kustomizations of a configuration as documents.
func (s *session) kustomizationsOf(ctx context.Context, flags fluxFlags) (*signedIn, fairlead.ResourceID, map[string]client.Document, error) {
	hub, id, err := s.locateFlux(ctx, flags)
	if err != nil {
		return nil, id, nil, err
	}
	var found struct {
		Properties struct {
			Kustomizations map[string]client.Document `json:"kustomizations"`
		} `json:"properties"`
	}
	if err := hub.Get(ctx, id.String(), client.FluxVersion, &found); err != nil {
		return nil, id, nil, flags.notThere(err)
	}
	return hub, id, found.Properties.Kustomizations, nil
}

func (f kustomizationFlags) absent(all map[string]client.Document) error {
	there := "it has none"
	if len(all) > 0 {
		there = "it has: " + strings.Join(sortedKeys(all), ", ")
	}
	return fairlead.Errorf(fairlead.NotFound, "the configuration %s has no kustomization %.100s; %s", f.name, f.kustomization, there).WithCode("KustomizationNotFound")
}

func (s *session) kustomizationCreate(ctx context.Context, flags kustomizationFlags) error {
	if err := checkFluxName("--kustomization-name/-k", flags.kustomization); err != nil {
		return err
	}
	given, err := flags.document()
	if err != nil {
		return err
	}
	hub, id, all, err := s.kustomizationsOf(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	if _, there := all[flags.kustomization]; there {
		return &hinted{
			fairlead.Errorf(fairlead.Conflict, "the configuration %s has a kustomization %s already", flags.name, flags.kustomization).WithCode("KustomizationExists"),
			"fairlead k8s-configuration flux kustomization update" + flags.words() + " -k " + flags.kustomization,
		}
	}
	return s.patchKustomization(ctx, fluxWait{hub, id, "Add " + flags.kustomization + " to " + flags.name, flags.fluxFlags}, flags, given)
}

func (s *session) kustomizationUpdate(ctx context.Context, flags kustomizationFlags) error {
	given, err := flags.document()
	if err != nil {
		return err
	}
	if len(given) == 0 {
		return usagef("nothing to change was given")
	}
	hub, id, all, err := s.kustomizationsOf(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	if _, there := all[flags.kustomization]; !there {
		return flags.absent(all)
	}
	return s.patchKustomization(ctx, fluxWait{hub, id, "Change " + flags.kustomization + " of " + flags.name, flags.fluxFlags}, flags, given)
}

// patchKustomization changes one kustomization and leaves the others; nil removes it.
func (s *session) patchKustomization(ctx context.Context, wait fluxWait, flags kustomizationFlags, given any) error {
	properties := client.Document{"kustomizations": client.Document{flags.kustomization: given}}
	return s.changeFlux(ctx, wait, http.MethodPatch, properties, flags.noWait)
}

func newKustomizationShowCommand(s *session) *cobra.Command {
	var flags kustomizationFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a kustomization",
		Long:    "Show a kustomization of a configuration, by its name, as az does. The exit code is 3 when there is none of that name.",
		Example: "  fairlead k8s-configuration flux kustomization show -g shops -c edge-1 -t connectedClusters -n shop -k infra",
		RunE: func(command *cobra.Command, _ []string) error {
			_, _, all, err := s.kustomizationsOf(command.Context(), flags.fluxFlags)
			if err != nil {
				return err
			}
			one, there := all[flags.kustomization]
			if !there {
				return flags.absent(all)
			}
			return s.showKustomizations(map[string]client.Document{flags.kustomization: one})
		},
	}
	nameKustomization(command, &flags)
	return command
}

func newKustomizationListCommand(s *session) *cobra.Command {
	var flags fluxFlags
	command := &cobra.Command{
		Use: "list", Short: "List the kustomizations of a configuration",
		Long:    "List the kustomizations of a configuration, by their names, as az does.",
		Example: "  fairlead k8s-configuration flux kustomization list -g shops -c edge-1 -t connectedClusters -n shop -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			_, _, all, err := s.kustomizationsOf(command.Context(), flags)
			if err != nil {
				return err
			}
			return s.showKustomizations(all)
		},
	}
	nameFlux(command, &flags)
	return command
}

// showKustomizations writes an object by names, as az does, and rows where there is no place for names.
func (s *session) showKustomizations(all map[string]client.Document) error {
	if s.format() != "table" && s.format() != "tsv" || s.query != "" {
		if all == nil {
			all = map[string]client.Document{}
		}
		return s.show(all, nil)
	}
	rows := []client.Document{}
	for _, name := range sortedKeys(all) {
		rows = append(rows, all[name])
	}
	return s.list(rows, kustomizationColumns(), "No kustomizations. Add one: fairlead k8s-configuration flux kustomization create -g GROUP -c CLUSTER -t KIND -n NAME -k KUSTOMIZATION")
}

func newKustomizationDeleteCommand(s *session) *cobra.Command {
	var flags kustomizationFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove a kustomization",
		Long:    "Remove a kustomization from a configuration. What it applied goes as well when it prunes, and stays otherwise.",
		Example: "  fairlead k8s-configuration flux kustomization delete -g shops -c edge-1 -t connectedClusters -n shop -k apps --yes",
		RunE:    func(command *cobra.Command, _ []string) error { return s.kustomizationDelete(command.Context(), flags) },
	}
	nameKustomization(command, &flags)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait for the cluster")
	return command
}

func (s *session) kustomizationDelete(ctx context.Context, flags kustomizationFlags) error {
	hub, id, all, err := s.kustomizationsOf(ctx, flags.fluxFlags)
	if err != nil {
		return err
	}
	one, there := all[flags.kustomization]
	if !there {
		return flags.absent(all)
	}
	question := "Remove kustomization " + flags.kustomization + " from " + flags.name + "? What it applied stays."
	if one["prune"] == true {
		question = "Remove kustomization " + flags.kustomization + " from " + flags.name + ", with all that it applied (prune)?"
	}
	if !flags.yes {
		if err := s.confirm(ctx, question); err != nil {
			return err
		}
	}
	return s.patchKustomization(ctx, fluxWait{hub, id, "Remove " + flags.kustomization + " from " + flags.name, flags.fluxFlags}, flags, nil)
}
