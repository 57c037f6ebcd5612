package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/bundle"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/render"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// componentLines is how much of each component's log goes into a bundle.
const componentLines = 500

func newCollectCommand(s *session, shared *doctorFlags) *cobra.Command {
	var file string
	flags := &doctorFlags{failOn: "fail"}
	command := &cobra.Command{
		Use: "collect", Short: "Write a support bundle: what the checks need, logs and events of the components",
		Long: `Write a support bundle that doctor --bundle can judge on another machine. It is written even when half of it could not be
read; its manifest says what is missing and what was removed. Secrets are replaced before anything is written.`,
		Example: `  fairlead doctor collect -f support.tar.gz
  fairlead doctor collect -f support.tar.gz --probe --since 6h
  fairlead doctor --bundle support.tar.gz`,
		RunE: func(command *cobra.Command, _ []string) error {
			flags.lang = shared.lang
			v, err := s.newVisit(*flags, nil)
			if err != nil {
				return err
			}
			return v.collect(command.Context(), file, nil)
		},
	}
	command.Flags().StringVarP(&file, "file", "f", "", "the bundle to write, such as support.tar.gz")
	mustFlag(command, "file")
	flags.reach(command)
	command.Flags().StringVar(&flags.namespace, "namespace", "", "a namespace to look at besides the usual ones, when you may not list all")
	command.Flags().BoolVar(&flags.probe, "probe", false, "also run short-lived probes")
	command.Flags().DurationVar(&flags.since, "since", 0, "only logs that are younger, such as 1h")
	command.Flags().DurationVar(&flags.timeout, "timeout", lookTimeout, "give up after this time; what was read until then is written")
	return command
}

// collect looks at the cluster and writes what it saw. The hub's view may be nil.
func (v *visit) collect(ctx context.Context, file string, hub func(context.Context) ([]byte, error)) error {
	looking, cancel := context.WithTimeout(ctx, v.limit())
	defer cancel()
	v.logs = componentLogs()
	contents, err := v.contents(looking, hub)
	if err != nil {
		return err
	}
	if err := writeWhole(file, func(out io.Writer) error { return bundle.Write(out, contents) }); err != nil {
		return err
	}
	return v.say(v.streams.Out, v.text.UI("bundleWritten", map[string]string{"file": file, "failed": fmt.Sprint(missing(contents)), "removed": fmt.Sprint(total(contents.Removed))}))
}

func (v *visit) contents(ctx context.Context, hub func(context.Context) ([]byte, error)) (bundle.Contents, error) {
	seen, err := v.look(ctx)
	if err != nil && seen == nil {
		return bundle.Contents{}, err
	}
	contents := bundle.Contents{Snapshot: seen, Version: fairlead.Version}
	if err != nil {
		contents.Failed = append(contents.Failed, bundle.Failure{What: "all of the cluster", Reason: snapshot.TimedOut, Detail: v.redact.Text(err.Error())})
	}
	if hub != nil {
		if contents.Hub, err = hub(ctx); err != nil {
			contents.Failed = append(contents.Failed, bundle.Failure{What: "the hub's view", Reason: snapshot.Failed, Detail: v.redact.Text(err.Error())})
		}
	}
	v.report = v.judge(seen)
	var text strings.Builder
	if err := render.Write(&text, "text", v.report, render.Options{Words: v.text, Width: 100}); err != nil {
		return contents, err
	}
	contents.Report, contents.Removed = text.String(), v.redact.Removed()
	return contents, nil
}

func missing(c bundle.Contents) int {
	count := len(c.Failed)
	for _, coverage := range c.Snapshot.Coverage {
		count += len(coverage.Gaps)
	}
	for _, log := range c.Snapshot.Logs {
		if log.Error != "" {
			count++
		}
	}
	return count
}

func total(counts map[string]int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}

// componentLogs asks for everything that components write, besides what checks read.
func componentLogs() []snapshot.LogNeed {
	return []snapshot.LogNeed{
		{Namespace: fairlead.AgentNamespace, Lines: componentLines},
		{Namespace: "kube-system", Prefix: "extension-", Lines: componentLines},
		{Namespace: "kube-system", Prefix: "coredns", Lines: componentLines},
		{Namespace: "kube-system", Prefix: "ama-logs", Lines: componentLines},
		{Namespace: "flux-system", Lines: componentLines},
		{Namespace: "arc-osm-system", Lines: componentLines},
	}
}

// writeWhole writes a file beside the wanted one and then puts it in its place, so that there is never half a file.
func writeWhole(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".fairlead-*")
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "%s cannot be written: %w", path, err)
	}
	err = write(file)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fairlead.Errorf(fairlead.Invalid, "%s cannot be written: %w", path, err), os.Remove(file.Name()))
	}
	return nil
}

func newDiffCommand(s *session, shared *doctorFlags) *cobra.Command {
	command := &cobra.Command{
		Use: "diff BEFORE AFTER", Short: "Compare the findings of two support bundles",
		Long:    "Judge two support bundles and say in which findings they differ. The exit code is 0 when they do not, else 1.",
		Example: "  fairlead doctor diff monday.tar.gz tuesday.tar.gz",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var reports [2]doctor.Report
			var words *catalogue.Catalogue
			for i, file := range args {
				v, err := s.newVisit(doctorFlags{failOn: "fail", bundle: file, lang: shared.lang}, nil)
				if err != nil {
					return err
				}
				seen, _, err := bundle.Open(file)
				if err != nil {
					return err
				}
				reports[i], words = v.judge(seen), v.text
			}
			return s.diff(bundle.Diff(reports[0], reports[1]), words)
		},
	}
	s.offerFormats(command, []string{"text", "json", "yaml"})
	return command
}

func (s *session) diff(changes []bundle.Change, words *catalogue.Catalogue) error {
	if s.output != "" && s.output != "text" || s.query != "" {
		if err := s.show(map[string]any{"changes": changes}, nil); err != nil {
			return err
		}
	} else {
		for _, c := range changes {
			if err := s.say(s.streams.Out, fmt.Sprintf("%-8s %s → %s  %s", c.ID, orDash(c.Before), orDash(c.After), c.Title)); err != nil {
				return err
			}
		}
	}
	switch {
	case len(changes) > 0:
		return &exitError{doctorFound}
	case (s.output == "" || s.output == "text") && s.query == "":
		return s.say(s.streams.Err, words.UI("diffNone", nil)) // the result stays empty for what reads it
	}
	return nil
}

func orDash(status doctor.Status) string {
	if status == "" {
		return "–"
	}
	return string(status)
}

// newTroubleshootCommand is connectedk8s troubleshoot: doctor with probes, a bundle, and what the hub knows.
func newTroubleshootCommand(s *session) *cobra.Command {
	var flags clusterFlags
	var file, lang string
	command := &cobra.Command{
		Use: "troubleshoot", Short: "Find out what is wrong with a connected cluster, and collect what support needs",
		Long: `Run fairlead doctor with probes on the cluster of the kubeconfig, write a support bundle, and put the hub's view of the
cluster into it. It works without the hub, too: then the bundle says that its view is missing.

Exit codes are those of fairlead doctor.`,
		Example: "  fairlead connectedk8s troubleshoot -n edge-1 -g shops",
		RunE: func(command *cobra.Command, _ []string) error {
			v, err := s.newVisit(doctorFlags{kubeconfig: flags.kubeconfig, kubecontext: flags.kubecontext, probe: true, failOn: "fail", lang: lang}, nil)
			if err != nil {
				return err
			}
			if file == "" {
				file = "fairlead-diagnostics-" + flags.name + "-" + time.Now().Format("20060102-150405") + ".tar.gz"
			}
			return v.troubleshoot(command.Context(), file, func(ctx context.Context) ([]byte, error) { return s.hubView(ctx, flags) })
		},
	}
	nameCluster(command, &flags)
	reachWith(command, &flags)
	command.Flags().StringVarP(&file, "file", "f", "", "the bundle to write (default: fairlead-diagnostics-NAME-TIME.tar.gz)")
	command.Flags().StringVar(&lang, "lang", "", "language: "+strings.Join(languages(), ", "))
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "accepted as az has it; nothing is asked")
	return command
}

func (v *visit) troubleshoot(ctx context.Context, file string, hub func(context.Context) ([]byte, error)) error {
	out := v.streams.Out
	v.streams.Out = v.streams.Err // the report is the result, the rest is talk
	err := v.collect(ctx, file, hub)
	v.streams.Out = out
	if err != nil {
		return err
	}
	if v.output == "" || v.output == "table" {
		err = render.Write(v.streams.Out, "text", v.report, v.options())
	} else {
		err = v.show(v.report, nil)
	}
	if err != nil {
		return err
	}
	return verdict(v.report, v.flags.failOn)
}

// hubView is the cluster as the hub has it.
func (s *session) hubView(ctx context.Context, flags clusterFlags) ([]byte, error) {
	hub, id, err := s.locate(ctx, flags)
	if err != nil {
		return nil, err
	}
	document := map[string]any{}
	if err := hub.Get(ctx, id.String(), client.ClusterVersion, &document); err != nil {
		return nil, err
	}
	secrets, err := newRedactor()
	if err != nil {
		return nil, err
	}
	text, err := indented(secrets.JSON(document))
	return []byte(text), err
}
