package render

import (
	"io"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
)

// The shapes are those of SARIF 2.1.0 (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/), as far as they are used.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string       `json:"id"`
	ShortDescription sarifMessage `json:"shortDescription"`
	FullDescription  sarifMessage `json:"fullDescription"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID     string            `json:"ruleId"`
	Level      string            `json:"level"`
	Kind       string            `json:"kind"`
	Message    sarifMessage      `json:"message"`
	Locations  []sarifLocation   `json:"locations,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

type sarifLocation struct {
	LogicalLocations []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

func writeSARIF(out io.Writer, report doctor.Report, words *catalogue.Catalogue) error {
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "fairlead doctor", Version: fairlead.Version, Rules: []sarifRule{}}}, Results: []sarifResult{}}
	seen := map[string]bool{}
	for _, r := range report.Findings {
		if !seen[r.ID] {
			seen[r.ID] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
				ID: r.ID, ShortDescription: sarifMessage{words.Title(r.ID)}, FullDescription: sarifMessage{words.Cause(r.ID)},
			})
		}
		run.Results = append(run.Results, sarif(r))
	}
	return writeJSON(out, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarif(r doctor.Result) sarifResult {
	text := r.Title
	if r.Reason != "" {
		text = r.Reason
	}
	result := sarifResult{RuleID: r.ID, Level: "none", Kind: "notApplicable", Message: sarifMessage{text}, Properties: map[string]string{"causedBy": r.CausedBy}}
	switch r.Status {
	case doctor.Fail:
		result.Level, result.Kind = "error", "fail"
	case doctor.Warn:
		result.Level, result.Kind = "warning", "fail"
	case doctor.Unknown:
		result.Kind = "open"
	case doctor.Pass:
		result.Kind = "pass"
	case doctor.Skipped:
	}
	for _, object := range r.Objects {
		result.Locations = append(result.Locations, sarifLocation{[]sarifLogical{{FullyQualifiedName: object.String(), Kind: "resource"}}})
	}
	return result
}
