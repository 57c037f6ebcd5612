package render_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/render"
)

// hostile is what somebody who may create objects can make a cluster say.
const hostile = "\x1b[2J\x1b]0;title\x07<script>alert(1)</script> \u202eright\u202c to\u2066left \u009b31m &amp; \"quoted\""

// command is longer than any terminal, and has to stay in one piece.
const command = "kubectl get pods -n azure-arc -l app.kubernetes.io/component=clusteridentityoperator --field-selector status.phase!=Running -o wide"

// harbour is a report with everything that a report can have.
func harbour(t *testing.T, language catalogue.Language) (doctor.Report, *catalogue.Catalogue) {
	t.Helper()
	words, err := catalogue.Open(language)
	if err != nil {
		t.Fatal(err)
	}
	findings := []doctor.Finding{
		{
			ID: "NET-01", Status: doctor.Fail, Severity: doctor.Critical, Text: "Names such as clusteridentityoperator-webhook-service and cluster-metadata-operator do not resolve. " + hostile,
			Objects:  []doctor.Object{{Kind: "Deployment", Namespace: "kube-system", Name: "coredns", Managed: "Flux"}, {Kind: "Service", Namespace: "kube-system", Name: "kube-dns-that-has-a-long-name"}},
			Evidence: []doctor.Evidence{{Source: "log", Object: "Pod/kube-system/coredns", Text: hostile + strings.Repeat(" plugin/errors: 2 SERVFAIL", 9)}},
			Remedies: []doctor.Remedy{{Text: "Scale it up again. " + hostile, Risk: doctor.Ask, Commands: []string{command}, Undo: []string{command + " # undo"}, Actions: []doctor.Action{{}}}},
		},
		{ID: "NET-02", Status: doctor.Fail, Severity: doctor.High, Text: "Pod edge-1 is cut off.", CausedBy: "NET-01"},
		{ID: "NET-02", Status: doctor.Fail, Severity: doctor.High, Text: "Pod edge-2 is cut off.", CausedBy: "NET-01"},
		{ID: "ARC-16", Status: doctor.Warn, Severity: doctor.Low, Text: "Old."},
		{ID: "ARC-01", Status: doctor.Pass},
		{ID: "OSM-01", Status: doctor.Skipped, Key: doctor.NotInstalled},
	}
	for i := range 14 {
		findings = append(findings, doctor.Finding{
			ID: fmt.Sprintf("OSM-%02d", i+2), Status: doctor.Unknown, Key: "unknownForbidden",
			Args: map[string]string{"needs": strings.Repeat("list deployments.apps in arc-osm-system, ", 9) + "get the-last-of-them"},
		})
	}
	cluster := doctor.Cluster{Context: "harbour" + hostile, Server: "https://harbour.example.org:6443", Version: "v1.34.1"}
	return doctor.NewReport(findings, words, cluster, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), words
}

func written(t *testing.T, format string, report doctor.Report, options render.Options) string {
	t.Helper()
	var out strings.Builder
	if err := render.Write(&out, format, report, options); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTextFitsTheTerminal(t *testing.T) {
	for _, language := range catalogue.Languages() {
		for _, width := range []int{60, 80, 110} {
			t.Run(fmt.Sprintf("%s%d", language, width), func(t *testing.T) {
				report, words := harbour(t, language)
				for line := range strings.SplitSeq(written(t, "text", report, render.Options{Words: words, Width: width}), "\n") {
					if got := ansi.StringWidth(line); got > width && !strings.Contains(line, command) {
						t.Errorf("%d columns: %q", got, line)
					}
				}
			})
		}
	}
}

func TestTextKeepsCommandsAndNamesWhole(t *testing.T) {
	report, words := harbour(t, catalogue.English)
	text := written(t, "text", report, render.Options{Words: words, Width: 60})
	for _, whole := range []string{command + "\n", command + " # undo\n", "clusteridentityoperator-webhook-service", "cluster-metadata-operator"} {
		if !strings.Contains(text, whole) {
			t.Errorf("%q is not in one piece in\n%s", whole, text)
		}
	}
}

func TestTextTellsSymptomsApart(t *testing.T) {
	report, words := harbour(t, catalogue.English)
	text := written(t, "text", report, render.Options{Words: words, Width: 110, Problems: true})
	for _, want := range []string{"← NET-01: Pod edge-1 is cut off.", "← NET-01: Pod edge-2 is cut off.", "Explains: NET-02\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// TestTextOfACallerWithoutRights is about a page instead of a screenful of permissions.
func TestTextOfACallerWithoutRights(t *testing.T) {
	report, words := harbour(t, catalogue.English)
	brief := written(t, "text", report, render.Options{Words: words, Width: 80, Problems: true})
	all := written(t, "text", report, render.Options{Words: words, Width: 80})
	for _, absent := range []string{"OSM-12", "the-last-of-them"} {
		if strings.Contains(brief, absent) || !strings.Contains(all, absent) {
			t.Errorf("%q has to be with --show all only", absent)
		}
	}
	if want := "Could not be determined (14):"; !strings.Contains(brief, want) || !strings.Contains(brief, "and 4 more") {
		t.Errorf("the text does not say how many there are:\n%s", brief)
	}
}

func TestTextOfALostCluster(t *testing.T) {
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		t.Fatal(err)
	}
	report := doctor.NewReport([]doctor.Finding{
		{ID: "CLI-06", Status: doctor.Fail, Text: "Nothing answers."},
		{ID: "NET-01", Status: doctor.Skipped, Key: doctor.Unreachable, CausedBy: "CLI-06"},
	}, words, doctor.Cluster{}, time.Time{})
	text := written(t, "text", report, render.Options{Words: words, Width: 80, Problems: true})
	if !strings.Contains(text, "1 checks could not be made") || strings.Contains(text, "do not apply") {
		t.Errorf("what could not be looked at is not inapplicable:\n%s", text)
	}
}

func TestEveryFormatHasTheRootCause(t *testing.T) {
	for _, format := range render.Formats() {
		t.Run(format, func(t *testing.T) {
			report, words := harbour(t, catalogue.English)
			text := written(t, format, report, render.Options{Words: words, Width: 80, Problems: true})
			if !strings.Contains(text, "NET-01") || strings.Contains(text, "ARC-01") {
				t.Errorf("the root cause is missing, or what passed is there:\n%s", text)
			}
		})
	}
}

func TestUnknownFormat(t *testing.T) {
	report, words := harbour(t, catalogue.English)
	if err := render.Write(io.Discard, "csv", report, render.Options{Words: words}); err == nil {
		t.Error("there is no format csv")
	}
}

// TestNothingSteersTheTerminal holds for what people look at in one; machines get what was said, escaped as their format has it.
func TestNothingSteersTheTerminal(t *testing.T) {
	for _, format := range render.Formats() {
		t.Run(format, func(t *testing.T) {
			report, words := harbour(t, catalogue.English)
			for _, r := range written(t, format, report, render.Options{Words: words, Width: 80}) {
				if unicode.IsControl(r) && r != '\n' {
					t.Fatalf("there is a %U in it", r)
				}
				if format == "text" && unicode.Is(unicode.Cf, r) {
					t.Fatalf("there is a %U in it", r)
				}
			}
		})
	}
}

func TestColourIsForThoseWhoWantIt(t *testing.T) {
	report, words := harbour(t, catalogue.English)
	plain := written(t, "text", report, render.Options{Words: words, Width: 80})
	colourful := written(t, "text", report, render.Options{Words: words, Width: 80, Colour: true})
	if ansi.Strip(colourful) != plain || colourful == plain {
		t.Error("colour has to be all that differs")
	}
}

func TestHTMLEscapes(t *testing.T) {
	report, words := harbour(t, catalogue.English)
	page := written(t, "html", report, render.Options{Words: words})
	if strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Errorf("the page has a script of the cluster's:\n%s", page)
	}
}

func TestMachinesCanReadIt(t *testing.T) {
	for format, read := range map[string]func([]byte, any) error{"json": json.Unmarshal, "sarif": json.Unmarshal, "junit": xml.Unmarshal} {
		t.Run(format, func(t *testing.T) {
			report, words := harbour(t, catalogue.English)
			var document struct {
				SchemaVersion int    `json:"schemaVersion"`
				Version       string `json:"version"`
				Suite         struct {
					Failures int `xml:"failures,attr"`
				} `json:"-" xml:"testsuite"`
			}
			if err := read([]byte(written(t, format, report, render.Options{Words: words})), &document); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{"json": document.SchemaVersion == doctor.SchemaVersion, "sarif": document.Version == "2.1.0", "junit": document.Suite.Failures == 2}
			if !want[format] {
				t.Errorf("got %+v", document)
			}
		})
	}
}
