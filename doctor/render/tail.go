package render

import (
	"fmt"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
)

// symptoms lists what the root causes explain, a line each.
func (p *page) symptoms() {
	p.section("symptoms", func(r doctor.Result) (string, bool) {
		return r.ID + "  " + r.Title + " ← " + r.CausedBy, r.Problem() && !r.Root()
	})
}

func (p *page) unknowns() {
	p.section("unknowns", func(r doctor.Result) (string, bool) {
		return r.ID + "  " + r.Title + ": " + r.Reason, r.Status == doctor.Unknown
	})
}

// rest lists what is well or does not apply.
func (p *page) rest() {
	p.section("passes", func(r doctor.Result) (string, bool) {
		text := r.ID + "  " + r.Title
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		return text, r.Status == doctor.Pass
	})
	p.section("skips", func(r doctor.Result) (string, bool) {
		return r.ID + "  " + r.Title + ": " + r.Reason, r.Status == doctor.Skipped
	})
}

func (p *page) section(key string, line func(doctor.Result) (string, bool)) {
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
	for _, text := range lines {
		p.wrap(indent, indent+indent, text)
	}
	p.text.WriteString("\n")
}

func (p *page) summary() { p.wrap("", "", summaryOf(p.report, p.options.Words)) }

// summaryOf is the result in a sentence.
func summaryOf(report doctor.Report, words *catalogue.Catalogue) string {
	s := report.Summary
	key := "summaryHealthy"
	switch {
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
