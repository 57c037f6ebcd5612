package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/bundle"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/check"
	"github.com/fairlead/fairlead/doctor/collect"
	"github.com/fairlead/fairlead/doctor/redact"
	"github.com/fairlead/fairlead/doctor/render"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	lookTimeout  = 2 * time.Minute
	untilTimeout = 15 * time.Minute
	grace        = 12 * time.Second // for a look that begins just before the limit; one that reaches nothing takes ten
	maxClientLog = 4 << 20
)

// visit is one run of doctor: what was asked for, and the words to say it in.
type visit struct {
	*session

	flags    doctorFlags
	asked    []string
	checks   []doctor.Check
	text     *catalogue.Catalogue
	redact   *redact.Redactor
	log      string
	logs     []snapshot.LogNeed // that are read besides what checks need
	report   doctor.Report      // of the last look
	findings []doctor.Finding   // of the last look
}

func (s *session) newVisit(flags doctorFlags, args []string) (*visit, error) {
	text, err := s.words(flags.lang)
	if err != nil {
		return nil, err
	}
	checks, err := allChecks(flags.checkFiles)
	if err != nil {
		return nil, err
	}
	selected, unknown := doctor.Select(checks, args)
	if unknown != "" {
		return nil, usagef("%q is neither an area (%s) nor an id of a check", unknown, strings.Join(doctor.Areas(), ", "))
	}
	if len(args) > 0 {
		selected = withOwn(selected, checks)
	}
	secrets, err := newRedactor()
	if err != nil {
		return nil, err
	}
	asked := make([]string, len(args))
	for i, word := range args {
		asked[i] = strings.ToUpper(word)
	}
	v := &visit{session: s, flags: flags, asked: asked, checks: selected, text: text, redact: secrets}
	v.log, err = v.clientLog()
	return v, err
}

// withOwn adds the checks that the person gave: they are meant, whatever areas are named beside them.
func withOwn(selected, all []doctor.Check) []doctor.Check {
	for _, c := range all {
		if doctor.Area(c.ID) == doctor.OwnArea && !slices.ContainsFunc(selected, func(s doctor.Check) bool { return s.ID == c.ID }) {
			selected = append(selected, c)
		}
	}
	return selected
}

// newRedactor has a salt that nobody keeps, so that tokens cannot be guessed back.
func newRedactor() (*redact.Redactor, error) {
	salt := make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("make a salt: %w", err)
	}
	return redact.New(salt), nil
}

// clientLog reads the log that a person gave along.
func (v *visit) clientLog() (string, error) {
	if v.flags.log == "" {
		return "", nil
	}
	file, err := os.Open(v.flags.log)
	if err != nil {
		return "", usagef("--client-log cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maxClientLog))
	if err != nil {
		return "", usagef("--client-log cannot be read: %w", err)
	}
	return v.redact.Text(string(content)), nil
}

func (v *visit) limit() time.Duration {
	switch {
	case v.flags.timeout > 0:
		return v.flags.timeout
	case v.flags.until != "":
		return untilTimeout
	}
	return lookTimeout
}

func (v *visit) options() render.Options {
	format := v.doctorFormat()
	problems := v.flags.show == "problems" || v.flags.show == "" && format == "text"
	return render.Options{Words: v.text, Width: v.outWidth(), Colour: v.streams.colourful(v.streams.Out), Problems: problems}
}

// once looks and judges.
func (v *visit) once(ctx context.Context) (doctor.Report, error) {
	seen, err := v.look(ctx)
	if err != nil {
		return doctor.Report{}, err
	}
	return v.judge(seen), nil
}

// judge evaluates the checks and puts the findings into words.
func (v *visit) judge(seen *snapshot.Snapshot) doctor.Report {
	cluster := doctor.Cluster{Context: seen.Client.Context, Server: seen.Client.Server, Version: seen.Server.Version, Bundle: v.flags.bundle}
	v.findings = doctor.Evaluate(v.reaching(seen), seen, v.asked)
	return doctor.NewReport(v.findings, v.text, cluster, seen.Taken)
}

// reaching adds the check that says why nothing could be seen, so that whoever asks for one area only is not told that all is well.
func (v *visit) reaching(seen *snapshot.Snapshot) []doctor.Check {
	if _, lost := seen.Client.Unreachable(); !lost || slices.ContainsFunc(v.checks, isReach) {
		return v.checks
	}
	all := check.All()
	if i := slices.IndexFunc(all, isReach); i >= 0 {
		return append([]doctor.Check{all[i]}, v.checks...)
	}
	return v.checks
}

// reachID is the check that says whether the cluster can be reached.
const reachID = "CLI-06"

func isReach(c doctor.Check) bool { return c.ID == reachID }

// look takes a snapshot of the cluster, or reads one from a bundle.
func (v *visit) look(ctx context.Context) (*snapshot.Snapshot, error) {
	if v.flags.bundle != "" {
		seen, _, err := bundle.Open(v.flags.bundle)
		if err == nil && v.log != "" {
			seen.Client.Log = v.log
		}
		return seen, err
	}
	target, err := collect.Open(v.flags.kubeconfig, v.flags.kubecontext)
	if err != nil {
		return v.unreached(ctx, err), nil
	}
	progress := v.quietProgress()
	defer progress.stopped()
	seen, err := collect.Snapshot(ctx, collect.Source{
		Config: target.Config, Context: target.Context, Redact: v.redact, Note: progress.note, Now: time.Now,
	}, v.wanted(target.Namespace))
	if seen != nil {
		seen.Client.Log = v.log
	}
	if err != nil {
		return seen, fmt.Errorf("look at the cluster: %w", stopped(err))
	}
	return seen, v.runProbes(ctx, target, seen, progress.note)
}

// stopped tells a limit that was reached from an interruption.
func stopped(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fairlead.Errorf(fairlead.Unavailable, "it took longer than --timeout allows")
	}
	return err
}

// unreached is the snapshot of a cluster whose kubeconfig cannot be used: CLI-06 tells it like any other obstacle.
func (v *visit) unreached(ctx context.Context, reason error) *snapshot.Snapshot {
	seen := &snapshot.Snapshot{Version: snapshot.Version, Taken: time.Now().UTC(), Coverage: map[snapshot.Resource]*snapshot.Coverage{}}
	seen.Client.Context = v.flags.kubecontext
	seen.Client.Reach = []snapshot.Stage{{Name: "kubeconfig", Error: reason.Error()}}
	seen.Client.Log = v.log
	collect.Machine(ctx, &seen.Client, v.redact, v.streams.env)
	return seen
}

func (v *visit) wanted(namespace string) collect.Wanted {
	needs, logs := doctor.Needs(v.checks)
	if v.flags.namespace != "" {
		namespace = v.flags.namespace
	}
	return collect.Wanted{
		Needs: needs, Logs: append(logs, v.logs...), Namespace: namespace, Since: v.flags.since,
		Rights: v.named("CLI"), Flux: v.named("FLX"),
	}
}

// named reports whether the person asked for an area or for one of its checks.
func (v *visit) named(area string) bool {
	for _, word := range v.asked {
		if doctor.Area(word) == area {
			return true
		}
	}
	return false
}

// explainChecks prints what would be asked, and the role that is enough for it.
func (v *visit) explainChecks() error {
	needs, logs := doctor.Needs(v.checks)
	role := doctor.Role(needs, logs)
	if v.output == "json" {
		return v.show(map[string]any{"needs": needs, "logs": logs, "clusterRole": role}, nil)
	}
	content, err := yaml.Marshal(role)
	if err != nil {
		return fmt.Errorf("write the ClusterRole: %w", err)
	}
	var text strings.Builder
	for _, c := range v.checks {
		text.WriteString("# " + c.ID + "  " + v.text.Title(c.ID) + "\n")
		said := map[string]bool{}
		for _, need := range slices.Concat(c.Needs, c.Uses, c.AppliesNeeds) {
			if line := need.String(); !said[line] {
				said[line] = true
				text.WriteString("#     " + line + "\n")
			}
		}
		for _, log := range c.Logs {
			text.WriteString("#     get pods/log of " + log.Namespace + "/" + log.Prefix + "*\n")
		}
	}
	return v.say(v.streams.Out, text.String()+strings.TrimSuffix(string(content), "\n"))
}

// again looks until the person interrupts, or the cluster is healthy, or the time is over.
func (v *visit) again(ctx context.Context) error {
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if v.flags.until != "" || v.flags.timeout > 0 {
		waiting, cancel = context.WithTimeout(ctx, v.limit())
	}
	defer cancel()
	tick := time.NewTicker(v.flags.every)
	defer tick.Stop()
	last, whole := "", doctor.Report{} // of the last look that came to its end
	for {
		report, err := v.lookAgain(ctx, waiting)
		if err != nil && waiting.Err() == nil {
			return err
		}
		if err == nil {
			whole = report
			if last, err = v.showChange(report, last); err != nil {
				return err
			}
			if v.flags.until != "" && verdict(report, "warn") == nil {
				return nil
			}
		}
		select {
		case <-waiting.Done():
			return v.gaveUp(ctx, whole)
		case <-tick.C:
		}
	}
}

// lookAgain looks once within the limit. A look that has begun may end: cut short, it would say that nothing could be read.
func (v *visit) lookAgain(ctx, limit context.Context) (doctor.Report, error) {
	deadline, limited := limit.Deadline()
	if !limited {
		return v.once(ctx)
	}
	looking, cancel := context.WithDeadline(ctx, deadline.Add(grace))
	defer cancel()
	report, err := v.once(looking)
	if err == nil {
		err = looking.Err()
	}
	return report, err
}

// gaveUp is the end of looking again: at Ctrl-C the command was interrupted, else the time is over and the last look counts.
func (v *visit) gaveUp(ctx context.Context, report doctor.Report) error {
	if ctx.Err() != nil {
		return &exitError{ExitInterrupted} // whoever pressed Ctrl-C knows
	}
	if report.SchemaVersion == 0 {
		return stopped(context.DeadlineExceeded)
	}
	if err := verdict(report, "warn"); err != nil {
		return err
	}
	return &exitError{doctorUnknown}
}

// showChange prints a report when what it says differs from what was printed before.
func (v *visit) showChange(report doctor.Report, last string) (string, error) {
	state := stateOf(report)
	if state == last {
		return last, nil
	}
	if v.streams.steerable(v.streams.Out) && v.doctorFormat() == "text" {
		if err := v.say(v.streams.Out, "\x1b[2J\x1b[H"); err != nil {
			return last, err
		}
	}
	return state, v.print(report, v.options())
}

// stateOf is what makes one look differ from another for a person.
func stateOf(report doctor.Report) string {
	var state strings.Builder
	_, _ = fmt.Fprint(&state, report.Summary)
	for _, r := range report.Findings {
		if r.Problem() || r.Status == doctor.Unknown {
			state.WriteString(r.ID + string(r.Status) + r.CausedBy + r.Reason)
		}
	}
	return state.String()
}
