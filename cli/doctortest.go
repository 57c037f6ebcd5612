package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/bundle"
	"github.com/fairlead/fairlead/doctor/check"
	"github.com/fairlead/fairlead/doctor/usercheck"
)

// allChecks returns doctor's checks and those of the files that a person wrote.
func allChecks(files []string) ([]doctor.Check, error) {
	own, _, err := usercheck.Load(files...)
	if err != nil {
		return nil, usagef("--checks: %w", err)
	}
	return append(check.All(), own...), nil
}

// tested is how one check of a person's own judged a bundle.
type tested struct {
	ID       string          `json:"id"`
	Title    string          `json:"title"`
	Status   doctor.Status   `json:"status"` // the worst of its findings
	Expect   doctor.Status   `json:"expect,omitempty"`
	OK       bool            `json:"ok"`
	Findings []doctor.Result `json:"findings"`
}

func newDoctorTestCommand(s *session, shared *doctorFlags) *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "test --bundle FILE CHECKS.yaml…", Short: "Try checks of your own on a support bundle",
		Long: `Read files with checks of your own, judge a support bundle with them, and say what each of them finds. A check that says in
spec.expect what it is to find (pass, warn or fail) has to find it.

Exit codes: 0 every check found what it was to find, 1 one did not, 2 one could not be answered, 3 a file is wrong.`,
		Example: "  fairlead doctor test --bundle support.tar.gz checks.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := usercheck.Open(args...)
			if err != nil {
				return usagef("%w", err)
			}
			words, err := s.words(shared.lang)
			if err != nil {
				return err
			}
			seen, _, err := bundle.Open(file)
			if err != nil {
				return err
			}
			findings := doctor.Evaluate(set.Checks, seen, nil)
			report := doctor.NewReport(findings, words, doctor.Cluster{Bundle: file}, seen.Taken)
			return s.tested(byCheck(report, set.Expect))
		},
	}
	s.offerFormats(command, []string{"text", "json", "yaml"})
	command.Flags().StringVar(&file, "bundle", "", "the support bundle to judge")
	mustFlag(command, "bundle")
	return command
}

// byCheck gathers the results of each check, in their order.
func byCheck(report doctor.Report, expect map[string]doctor.Status) []tested {
	all := []tested{}
	for _, r := range report.Findings {
		if len(all) == 0 || all[len(all)-1].ID != r.ID {
			all = append(all, tested{ID: r.ID, Title: r.Title, Status: r.Status, Expect: expect[r.ID]})
		}
		one := &all[len(all)-1]
		one.Findings = append(one.Findings, r)
		if gravity(r.Status) > gravity(one.Status) {
			one.Status = r.Status
		}
	}
	for i := range all {
		all[i].OK = all[i].Expect == all[i].Status || all[i].Expect == "" && all[i].Status != doctor.Unknown
	}
	return all
}

// gravity orders the statuses: what is found weighs more than what could not be told.
func gravity(status doctor.Status) int {
	return map[doctor.Status]int{doctor.Skipped: 0, doctor.Pass: 1, doctor.Unknown: 2, doctor.Warn: 3, doctor.Fail: 4}[status]
}

func (s *session) tested(all []tested) error {
	var err error
	if s.output != "" && s.output != "text" || s.query != "" {
		err = s.show(map[string]any{"checks": all}, nil)
	} else {
		err = s.testedText(all)
	}
	if err != nil {
		return err
	}
	code := doctorHealthy
	for _, one := range all {
		switch {
		case one.OK:
		case one.Expect == "" && code == doctorHealthy:
			code = doctorUnknown
		case one.Expect != "":
			code = doctorFound
		}
	}
	if code != doctorHealthy {
		return &exitError{code}
	}
	return nil
}

func (s *session) testedText(all []tested) error {
	for _, one := range all {
		verdict := "ok"
		if !one.OK {
			verdict = "not ok"
		}
		line := fmt.Sprintf("%-6s  %s  %s", verdict, one.ID, one.Status)
		if one.Expect != "" && one.Expect != one.Status {
			line += fmt.Sprintf(" (expected %s)", one.Expect)
		}
		if err := s.say(s.streams.Out, strings.Map(printable, line+"  "+one.Title)); err != nil {
			return err
		}
		for _, r := range one.Findings {
			if r.Reason == "" {
				continue
			}
			where := ""
			if len(r.Objects) > 0 {
				where = r.Objects[0].String() + ": "
			}
			if err := s.say(s.streams.Out, strings.Map(printable, "        "+where+r.Reason)); err != nil {
				return err
			}
		}
	}
	return nil
}
