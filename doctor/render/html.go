package render

import (
	_ "embed" // for the page
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/fairlead/fairlead/doctor"
)

//go:embed report.html
var reportPage string

// htmlReport is what the page shows.
type htmlReport struct {
	doctor.Report

	Summary  string
	Roots    []doctor.Result
	Sections []htmlSection
}

// htmlSection is one list of the page.
type htmlSection struct {
	Title   string
	Results []doctor.Result
}

func writeHTML(out io.Writer, report doctor.Report, options Options) error {
	ui := func(key string) string { return options.Words.UI(key, nil) }
	counted := func(key string, count int) string {
		return options.Words.UI(key, map[string]string{"count": fmt.Sprint(count)})
	}
	page, err := template.New("report").Funcs(template.FuncMap{"ui": ui}).Parse(reportPage)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	p := htmlReport{Report: report, Summary: summaryOf(report, options.Words), Roots: filter(report.Findings, doctor.Result.Root)}
	for _, part := range []struct {
		key  string
		keep func(doctor.Result) bool
	}{
		{"symptoms", func(r doctor.Result) bool { return r.Problem() && !r.Root() }},
		{"unknowns", func(r doctor.Result) bool { return r.Status == doctor.Unknown }},
		{"passes", func(r doctor.Result) bool { return r.Status == doctor.Pass }},
		{"skips", func(r doctor.Result) bool { return r.Status == doctor.Skipped }},
	} {
		if found := filter(report.Findings, part.keep); len(found) > 0 {
			p.Sections = append(p.Sections, htmlSection{Title: counted(part.key, len(found)), Results: found})
		}
	}
	var text strings.Builder
	if err := page.Execute(&text, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(out, clean(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
	}
	return nil
}

func filter(all []doctor.Result, keep func(doctor.Result) bool) []doctor.Result {
	var kept []doctor.Result
	for _, r := range all {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}
