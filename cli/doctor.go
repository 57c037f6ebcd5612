package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/check"
	"github.com/fairlead/fairlead/doctor/render"
)

// The exit codes of doctor, which scripts can rely on.
const (
	doctorHealthy = 0
	doctorFound   = 1
	doctorUnknown = 2
	doctorUsage   = 3
	doctorBroken  = 4
)

// doctorFlags are what doctor can be told.
type doctorFlags struct {
	kubeconfig, kubecontext, namespace string
	bundle, log                        string
	lang, show, failOn, fix, until     string
	since, timeout, every              time.Duration
	probe, yes, watch, explain         bool
	checkFiles                         []string
}

func newDoctorCommand(s *session) *cobra.Command {
	var flags doctorFlags
	command := &cobra.Command{
		Use: "doctor [AREA…|ID…]", Short: "Find out what is wrong with a cluster and how to mend it",
		Long: `Look at the cluster of a kubeconfig and say what is wrong: the root cause first, what was seen, and the commands
that mend it. It works on clusters of Azure Arc, on AKS and on clusters of a Fairlead hub, needs no hub, and changes nothing
unless --fix is given. What you may not read it calls unknown, never healthy.

Areas are CLI, SELF, NET, ARC, EXT, HLM, FLX, MON and OSM; ids are those that it prints, such as ARC-08.

Exit codes: 0 nothing wrong, 1 findings, 2 not everything could be told, 3 wrong usage, 4 doctor itself failed.`,
		Example: `  fairlead doctor
  fairlead doctor ARC NET --probe
  fairlead doctor -o json --show all
  fairlead doctor --fix ask
  fairlead doctor --until healthy --timeout 10m
  fairlead doctor --bundle support.tar.gz
  fairlead doctor --explain-checks OSM`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return doctorWords(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(command *cobra.Command, args []string) error { return s.doctor(command.Context(), flags, args) },
	}
	flags.offer(command)
	command.AddCommand(newCollectCommand(s, &flags), newDiffCommand(s, &flags), newDoctorTestCommand(s, &flags))
	command.SetGlobalNormalizationFunc(likeKubectl)
	s.offerFormats(command, render.Formats())
	return command
}

func (f *doctorFlags) offer(command *cobra.Command) {
	f.reach(command)
	set := command.Flags()
	set.StringVar(&f.namespace, "namespace", "", "a namespace to look at besides the usual ones, when you may not list all")
	set.BoolVar(&f.probe, "probe", false, "also run short-lived probes: from here, from a pod, and where allowed from a node's network")
	set.StringVar(&f.fix, "fix", "", "mend what can be mended: safe (reversible, restarts nothing) or ask (everything that doctor knows how to); each change is shown and confirmed")
	set.BoolVarP(&f.yes, "yes", "y", false, "confirm every change of --fix beforehand")
	set.BoolVarP(&f.watch, "watch", "w", false, "look again and again until Ctrl-C")
	set.StringVar(&f.until, "until", "", "look again until the cluster is: healthy")
	set.DurationVar(&f.timeout, "timeout", 0, "give up after this time, such as 10m; with --until the default is 15m, without it 2m")
	set.DurationVar(&f.every, "interval", 5*time.Second, "how often --watch and --until look")
	set.StringVar(&f.bundle, "bundle", "", "judge a support bundle instead of a cluster")
	set.StringVar(&f.log, "client-log", "", "a log of az or helm on this machine to judge as well")
	set.DurationVar(&f.since, "since", 0, "only logs that are younger, such as 1h")
	set.StringVar(&f.show, "show", "", "all or problems (default: problems for text and html, all for the others)")
	set.StringVar(&f.failOn, "fail-on", "fail", "what makes the exit code 1: fail, or warn for warnings, too")
	set.BoolVar(&f.explain, "explain-checks", false, "do not look; print what the checks would ask for, and the smallest ClusterRole as YAML")
	set.StringArrayVar(&f.checkFiles, "checks", nil, "a YAML file with checks of your own (repeatable)")
	command.PersistentFlags().StringVar(&f.lang, "lang", "", "language: "+strings.Join(languages(), ", ")+" (default: the locale's, else en)")
	fixed := map[string][]string{"fix": {"safe", "ask"}, "until": {"healthy"}, "show": {"all", "problems"}, "fail-on": {"fail", "warn"}, "lang": languages()}
	for name, words := range fixed {
		_ = command.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	}
}

// likeKubectl accepts kubectl's spelling of the flags that lead to a cluster.
func likeKubectl(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "kubeconfig":
		name = "kube-config"
	case "context":
		name = "kube-context"
	}
	return pflag.NormalizedName(name)
}

// reach gives a command the flags that lead to a cluster.
func (f *doctorFlags) reach(command *cobra.Command) {
	command.Flags().StringVar(&f.kubeconfig, "kube-config", "", "kubeconfig file (default: KUBECONFIG, else ~/.kube/config); --kubeconfig is the same")
	command.Flags().StringVar(&f.kubecontext, "kube-context", "", "context in it (default: the current one); --context is the same")
}

func languages() []string {
	all := make([]string, 0, len(catalogue.Languages()))
	for _, language := range catalogue.Languages() {
		all = append(all, string(language))
	}
	return all
}

func doctorWords() []string {
	all := doctor.Areas()
	for _, c := range check.All() {
		all = append(all, c.ID)
	}
	return all
}

// words opens the texts in the language that the flag, else the locale, names.
func (s *session) words(lang string) (*catalogue.Catalogue, error) {
	if lang != "" {
		chosen, ok := catalogue.Choose(lang)
		if !ok {
			return nil, usagef("--lang: %q is not one of %s", lang, strings.Join(languages(), ", "))
		}
		return catalogue.Open(chosen)
	}
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		value := s.streams.env(variable)
		if value == "" {
			continue
		}
		if chosen, ok := catalogue.Choose(value); ok {
			return catalogue.Open(chosen)
		}
		break // the first that is set decides
	}
	return catalogue.Open(catalogue.English)
}

// check refuses words that mean nothing before the cluster is asked.
func (f *doctorFlags) check() error {
	for _, one := range []struct {
		name, value string
		allowed     []string
	}{
		{"fix", f.fix, []string{"", "safe", "ask"}},
		{"until", f.until, []string{"", "healthy"}},
		{"show", f.show, []string{"", "all", "problems"}},
		{"fail-on", f.failOn, []string{"fail", "warn"}},
	} {
		if !slices.Contains(one.allowed, one.value) {
			return usagef("--%s: %q is not one of %s", one.name, one.value, strings.Join(slices.DeleteFunc(one.allowed, func(w string) bool { return w == "" }), ", "))
		}
	}
	if f.bundle != "" && (f.fix != "" || f.probe || f.watch || f.until != "") {
		return usagef("--bundle judges a file: --fix, --probe, --watch and --until need a cluster")
	}
	if f.fix != "" && (f.watch || f.until != "") {
		return usagef("--fix looks again by itself: give --watch and --until to a second run")
	}
	if f.every < time.Second {
		return usagef("--interval: %s is shorter than a second", f.every)
	}
	return nil
}

func (s *session) doctorFormat() string {
	switch {
	case s.output == "" && s.query != "":
		return "json"
	case s.output == "":
		return "text"
	}
	return s.output
}

// exitError ends a command with a code and no further words: what there is to say has been said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// verdict is the exit code of a report.
func verdict(report doctor.Report, failOn string) error {
	s := report.Summary
	switch {
	case s.Fail > 0, s.Warn > 0 && failOn == "warn":
		return &exitError{doctorFound}
	case s.Unknown > 0:
		return &exitError{doctorUnknown}
	}
	return nil
}

func (s *session) doctor(ctx context.Context, flags doctorFlags, args []string) error {
	if err := flags.check(); err != nil {
		return err
	}
	visit, err := s.newVisit(flags, args)
	if err != nil {
		return err
	}
	switch {
	case flags.explain:
		return visit.explainChecks()
	case flags.watch || flags.until != "":
		return visit.again(ctx)
	}
	looking, cancel := context.WithTimeout(ctx, visit.limit())
	defer cancel()
	report, err := visit.once(looking)
	if ctx.Err() != nil {
		return &exitError{ExitInterrupted} // what was cut short says nothing about the cluster
	}
	if err != nil {
		return err
	}
	if flags.fix == "" || s.doctorFormat() == "text" { // machines get one document: how it is in the end
		if err := s.print(report, visit.options()); err != nil {
			return err
		}
	}
	if flags.fix != "" {
		return visit.mend(ctx, report)
	}
	return verdict(report, flags.failOn)
}

// print writes a report in the format that was asked for.
func (s *session) print(report doctor.Report, options render.Options) error {
	if s.query != "" {
		return s.show(report, nil)
	}
	return render.Write(s.streams.Out, s.doctorFormat(), report, options)
}
