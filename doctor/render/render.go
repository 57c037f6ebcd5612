// Package render writes a doctor.Report in the formats that people and machines read. It judges nothing and reads no cluster.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
)

// Options say how a report is written.
type Options struct {
	Words *catalogue.Catalogue
	// Width is the width of the text format in columns.
	Width int
	// Colour allows the text format to use it.
	Colour bool
	// Problems leaves out what passed and what was skipped.
	Problems bool
}

// Formats returns the names of the formats.
func Formats() []string { return []string{"text", "json", "yaml", "junit", "sarif", "html"} }

// Write writes a report in one of the formats.
func Write(out io.Writer, format string, report doctor.Report, options Options) error {
	if options.Problems {
		report.Findings = notable(report.Findings)
	}
	switch format {
	case "text":
		return writeText(out, report, options)
	case "json":
		return writeJSON(out, report)
	case "yaml":
		return writeYAML(out, report)
	case "junit":
		return writeJUnit(out, report, options.Words)
	case "sarif":
		return writeSARIF(out, report, options.Words)
	case "html":
		return writeHTML(out, report, options)
	}
	return fmt.Errorf("there is no format %q", format)
}

func notable(all []doctor.Result) []doctor.Result {
	kept := []doctor.Result{}
	for _, result := range all {
		if result.Problem() || result.Status == doctor.Unknown {
			kept = append(kept, result)
		}
	}
	return kept
}

func writeJSON(out io.Writer, value any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := io.WriteString(out, strings.Map(printable, text.String()))
	return err
}

// printable drops the control characters that JSON does not escape: YAML forbids them, and terminals obey them.
func printable(r rune) rune {
	if r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

func writeYAML(out io.Writer, report doctor.Report) error {
	var text strings.Builder
	if err := writeJSON(&text, report); err != nil {
		return err
	}
	content, err := yaml.JSONToYAML([]byte(text.String()))
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	_, err = out.Write(content)
	return err
}
