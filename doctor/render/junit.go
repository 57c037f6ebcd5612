package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
)

// The elements are those that CI systems read: testsuites, testsuite, testcase with failure, error or skipped.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Time     string      `xml:"timestamp,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Failure *junitTag `xml:"failure,omitempty"`
	Error   *junitTag `xml:"error,omitempty"`
	Skipped *junitTag `xml:"skipped,omitempty"`
}

type junitTag struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func writeJUnit(out io.Writer, report doctor.Report, words *catalogue.Catalogue) error {
	suite := junitSuite{Name: words.UI("heading", nil) + " " + clean(report.Cluster.Context), Time: report.Time.Format("2006-01-02T15:04:05"), Tests: len(report.Findings)}
	for _, r := range report.Findings {
		suite.Cases = append(suite.Cases, suite.add(r))
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := io.WriteString(out, "\n")
	return err
}

// add makes failures of root causes only: a symptom is skipped behind its cause, so that one fault is one red case.
func (s *junitSuite) add(r doctor.Result) junitCase {
	one := junitCase{Class: doctor.Area(r.ID), Name: r.ID + " " + clean(r.Title)}
	tag := &junitTag{Message: clean(r.Reason), Type: string(r.Severity), Text: clean(plain(r))}
	switch {
	case r.Root():
		s.Failures++
		one.Failure = tag
	case r.Problem():
		s.Skipped++
		one.Skipped = &junitTag{Message: clean(r.Reason + " ← " + r.CausedBy)}
	case r.Status == doctor.Unknown:
		s.Errors++
		one.Error = tag
	case r.Status == doctor.Skipped:
		s.Skipped++
		one.Skipped = &junitTag{Message: clean(r.Reason)}
	}
	return one
}

// plain is evidence and remedies in lines.
func plain(r doctor.Result) string {
	var lines []string
	for _, object := range r.Objects {
		lines = append(lines, object.String())
	}
	for _, e := range r.Evidence {
		lines = append(lines, e.Source+": "+e.Text)
	}
	for _, remedy := range r.Remedies {
		lines = append(lines, remedy.Text)
		lines = append(lines, remedy.Commands...)
	}
	return strings.Join(lines, " | ")
}
