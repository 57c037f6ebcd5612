package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
)

const (
	maxUnknowns = 10  // that are listed when only problems are asked for: whoever may read nothing has dozens
	maxReason   = 200 // columns of a reason in a list, then
)

// symptoms lists what the root causes explain, each with what was seen: two of one id are about different things.
func (p *page) symptoms() {
	p.section("symptoms", 0, func(r doctor.Result) (string, bool) {
		return p.because(r.ID+"  "+r.Title+" ← "+r.CausedBy, r.Reason), r.Problem() && !r.Root()
	})
}

func (p *page) unknowns() {
	most := 0
	if p.options.Problems {
		most = maxUnknowns
	}
	p.section("unknowns", most, func(r doctor.Result) (string, bool) {
		return p.because(r.ID+"  "+r.Title, r.Reason), r.Status == doctor.Unknown
	})
}

func (p *page) because(words, reason string) string {
	if reason == "" {
		return words
	}
	if p.options.Problems {
		reason = ansi.Truncate(clean(reason), maxReason, "…")
	}
	return words + p.ui("colon") + reason
}

// rest lists what is well or does not apply.
func (p *page) rest() {
	p.section("passes", 0, func(r doctor.Result) (string, bool) {
		return p.because(r.ID+"  "+r.Title, r.Reason), r.Status == doctor.Pass
	})
	p.section("skips", 0, func(r doctor.Result) (string, bool) {
		return p.because(r.ID+"  "+r.Title, r.Reason), r.Status == doctor.Skipped
	})
}

// section writes a list, of which it shows at most so many lines; 0 means all.
func (p *page) section(key string, most int, line func(doctor.Result) (string, bool)) {
	var lines []string
	for _, r := range p.report.Findings {
		if text, ok := line(r); ok {
			lines = append(lines, text)
		}
	}
	if len(lines) == 0 {
		return
	}
	p.text.WriteString(p.ui(key, "count", fmt.Sprint(len(lines))) + "\n")
	for i, text := range lines {
		if most > 0 && i == most {
			p.wrap(indent, indent+indent, p.ui("unknownsMore", "count", fmt.Sprint(len(lines)-most)))
			break
		}
		p.wrap(indent, indent+indent, text)
	}
	p.text.WriteString("\n")
}

func (p *page) summary() { p.wrap("", "", summaryOf(p.report, p.options.Words)) }

// unreached is the id of the finding that leaves nothing of the cluster to look at.
const unreached = "CLI-06"

// summaryOf is the result in a sentence.
func summaryOf(report doctor.Report, words *catalogue.Catalogue) string {
	s := report.Summary
	key := "summaryHealthy"
	switch {
	case slices.Contains(s.Roots, unreached):
		key = "summaryUnreached"
	case s.Warn+s.Fail > 0:
		key = "summaryProblems"
	case s.Unknown > 0:
		key = "summaryUnknown"
	}
	return words.UI(key, map[string]string{
		"roots": fmt.Sprint(len(s.Roots)), "ids": strings.Join(s.Roots, ", "), "pass": fmt.Sprint(s.Pass),
		"unknown": fmt.Sprint(s.Unknown), "skipped": fmt.Sprint(s.Skipped),
	})
}
