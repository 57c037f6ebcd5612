package doctor

import (
	"slices"
	"time"

	"github.com/fairlead/fairlead/doctor/catalogue"
)

// SchemaVersion is the version of the JSON of Report. Fields are added without changing it; none changes its meaning.
const SchemaVersion = 1

// OwnArea is the area of the checks that people write themselves.
const OwnArea = "USER"

// Report is the result of doctor in one language: the JSON that -o json writes and that every other format is made from.
type Report struct {
	SchemaVersion int       `json:"schemaVersion"`
	Time          time.Time `json:"time"` // when the cluster was looked at
	Language      string    `json:"language"`
	Cluster       Cluster   `json:"cluster"`
	Findings      []Result  `json:"findings"`
	Summary       Summary   `json:"summary"`
}

// Cluster says which cluster was looked at.
type Cluster struct {
	Context string `json:"context,omitempty"`
	Server  string `json:"server,omitempty"`
	Version string `json:"version,omitempty"`
	Bundle  string `json:"bundle,omitempty"` // the file, when a support bundle was judged
}

// Result is a finding in words.
type Result struct {
	ID       string     `json:"id"`
	Status   Status     `json:"status"`
	Severity Severity   `json:"severity"`
	Title    string     `json:"title"`
	CausedBy string     `json:"causedBy"`
	Reason   string     `json:"reason"`
	Cause    string     `json:"cause,omitempty"` // what the entry says in general
	Objects  []Object   `json:"objects"`
	Evidence []Evidence `json:"evidence"`
	Remedies []Advice   `json:"remedies"`
}

// Advice is a remedy in words. Fixable says that --fix can do it.
type Advice struct {
	Text     string   `json:"text"`
	Commands []string `json:"commands"`
	Undo     []string `json:"undo,omitempty"`
	Risk     Risk     `json:"risk"`
	Fixable  bool     `json:"fixable"`
}

// Summary counts findings by status, and names the root causes.
type Summary struct {
	Pass    int      `json:"pass"`
	Warn    int      `json:"warn"`
	Fail    int      `json:"fail"`
	Unknown int      `json:"unknown"`
	Skipped int      `json:"skipped"`
	Roots   []string `json:"roots"` // ids, each once, in the order of the findings
}

// Problem reports whether something is wrong.
func (r Result) Problem() bool { return r.Status == Warn || r.Status == Fail }

// Root reports whether it is a root cause.
func (r Result) Root() bool { return r.Problem() && r.CausedBy == "" }

// NewReport puts findings into words.
func NewReport(findings []Finding, words *catalogue.Catalogue, cluster Cluster, taken time.Time) Report {
	report := Report{
		SchemaVersion: SchemaVersion, Time: taken.UTC(), Language: string(words.Language()), Cluster: cluster,
		Findings: []Result{}, Summary: Summary{Roots: []string{}},
	}
	for i := range findings {
		result := phrase(&findings[i], words)
		report.Findings = append(report.Findings, result)
		report.Summary.count(result)
	}
	return report
}

func phrase(f *Finding, words *catalogue.Catalogue) Result {
	result := Result{
		ID: f.ID, Status: f.Status, Severity: f.Severity, Title: title(f, words), CausedBy: f.CausedBy, Reason: reason(f, words),
		Objects: orEmpty(f.Objects), Evidence: orEmpty(f.Evidence), Remedies: []Advice{},
	}
	if f.Problem() && !own(f) {
		result.Cause = words.Cause(f.ID)
	}
	for _, remedy := range f.Remedies {
		result.Remedies = append(result.Remedies, Advice{
			Text: RemedyText(f.ID, remedy, words), Commands: orEmpty(remedy.Commands), Undo: remedy.Undo, Risk: remedy.Risk,
			Fixable: len(remedy.Actions) > 0 && remedy.Risk != Manual,
		})
	}
	return result
}

// own reports whether a finding is one of a person's own checks, which the catalogue knows nothing of.
func own(f *Finding) bool { return Area(f.ID) == OwnArea }

func title(f *Finding, words *catalogue.Catalogue) string {
	switch {
	case f.Title != "":
		return f.Title
	case own(f):
		return f.ID
	}
	return words.Title(f.ID)
}

// RemedyText is what a remedy of an id says.
func RemedyText(id string, remedy Remedy, words *catalogue.Catalogue) string {
	if remedy.Text != "" {
		return remedy.Text
	}
	return words.Remedy(id, remedy.Key, remedy.Args)
}

func reason(f *Finding, words *catalogue.Catalogue) string {
	switch {
	case f.Text != "":
		return f.Text
	case f.Key == "":
		return ""
	case words.HasUI(f.Key):
		return words.UI(f.Key, f.Args)
	}
	return words.Reason(f.ID, f.Key, f.Args)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Summary) count(r Result) {
	switch r.Status {
	case Pass:
		s.Pass++
	case Warn:
		s.Warn++
	case Fail:
		s.Fail++
	case Unknown:
		s.Unknown++
	case Skipped:
		s.Skipped++
	}
	if !r.Root() {
		return
	}
	if !slices.Contains(s.Roots, r.ID) {
		s.Roots = append(s.Roots, r.ID)
	}
}
