package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/fairlead/fairlead/doctor"
)

const (
	maxObjects  = 4 // that are shown of one finding; JSON has them all
	maxEvidence = 3
	indent      = "  "
	minWidth    = 40
	// A private rune stands for hyphens while lines are broken: names and flags have to stay whole, to be copied and searched for.
	hyphen = "\ue000"
)

// page is a text under construction.
type page struct {
	text strings.Builder

	options Options
	report  doctor.Report
}

func writeText(out io.Writer, report doctor.Report, options Options) error {
	options.Width = max(options.Width, minWidth)
	p := &page{options: options, report: report}
	p.head()
	for _, result := range report.Findings {
		if result.Root() {
			p.root(result)
		}
	}
	p.symptoms()
	p.unknowns()
	if !options.Problems {
		p.rest()
	}
	p.summary()
	_, err := io.WriteString(out, p.text.String())
	return err
}

func (p *page) ui(key string, args ...string) string {
	named := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		named[args[i]] = args[i+1]
	}
	return p.options.Words.UI(key, named)
}

// wrap writes words behind a margin; the first line begins with lead.
func (p *page) wrap(lead, margin, words string) {
	p.text.WriteString(hang(lead, margin, words, p.options.Width))
}

// Paragraph wraps words to a width, behind a margin.
func Paragraph(margin, words string, width int) string {
	return hang(margin, margin+"  ", words, width)
}

func hang(lead, margin, words string, width int) string {
	var text strings.Builder
	words = lead + strings.ReplaceAll(clean(words), "-", hyphen)
	lines := strings.Split(ansi.Wrap(words, width, " "), "\n")
	text.WriteString(strings.TrimRight(lines[0], " ") + "\n")
	if len(lines) > 1 {
		rest := strings.TrimLeft(strings.TrimPrefix(words, lines[0]), " ")
		for line := range strings.SplitSeq(ansi.Wrap(rest, max(width-ansi.StringWidth(margin), 20), " "), "\n") {
			text.WriteString(strings.TrimRight(margin+line, " ") + "\n")
		}
	}
	return strings.ReplaceAll(text.String(), hyphen, "-")
}

// clean keeps a cluster from steering the terminal.
func clean(words string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || steersDirection(r) || string(r) == hyphen:
			return -1
		}
		return r
	}, words)
}

// steersDirection reports whether a rune makes a terminal show what follows in another order.
func steersDirection(r rune) bool {
	return r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func (p *page) head() {
	c := p.report.Cluster
	where := c.Context
	if c.Bundle != "" {
		where = c.Bundle
	}
	p.wrap("", "", strings.Join(nonEmpty(p.ui("heading"), where, c.Server, c.Version), " · "))
	p.text.WriteString("\n")
}

func nonEmpty(words ...string) []string {
	var kept []string
	for _, word := range words {
		if word != "" {
			kept = append(kept, word)
		}
	}
	return kept
}

func (p *page) root(r doctor.Result) {
	p.title(r)
	if r.Reason != "" {
		p.wrap(indent, indent, r.Reason)
	}
	p.objects(r)
	p.evidence(r)
	if explained := p.explains(r.ID); len(explained) > 0 {
		p.field("explains", strings.Join(explained, ", "))
	}
	p.remedies(r)
	p.text.WriteString("\n")
}

func (p *page) title(r doctor.Result) {
	plain := p.ui("status."+string(r.Status)) + " " + r.ID
	text := hang(plain+"  ", indent, r.Title, p.options.Width)
	p.text.WriteString(p.label(r) + " " + p.bold(r.ID) + strings.TrimPrefix(text, plain))
}

// label says the status in a word, so that colour is never the only sign.
func (p *page) label(r doctor.Result) string {
	word := p.ui("status." + string(r.Status))
	if !p.options.Colour {
		return word
	}
	colours := map[doctor.Status]string{doctor.Fail: "31", doctor.Warn: "33", doctor.Unknown: "36", doctor.Pass: "32"}
	if colour, ok := colours[r.Status]; ok {
		return "\x1b[" + colour + "m" + word + "\x1b[0m"
	}
	return word
}

func (p *page) bold(text string) string {
	if !p.options.Colour {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

func (p *page) field(key, words string) {
	name := p.ui(key) + p.ui("colon")
	p.wrap(indent+name, indent+indent, words)
}

func (p *page) objects(r doctor.Result) {
	var names []string
	for i, object := range r.Objects {
		if i == maxObjects {
			names = append(names, p.ui("andMore", "count", fmt.Sprint(len(r.Objects)-maxObjects)))
			break
		}
		names = append(names, object.String())
	}
	if len(names) > 0 {
		p.field("where", strings.Join(names, ", "))
	}
	for _, manager := range managers(r.Objects) {
		p.wrap(indent, indent+indent, p.ui("managed", "manager", manager))
	}
}

func managers(objects []doctor.Object) []string {
	var found []string
	for _, object := range objects {
		if object.Managed != "" && !slices.Contains(found, object.Managed) {
			found = append(found, object.Managed)
		}
	}
	return found
}

func (p *page) evidence(r doctor.Result) {
	for i, e := range r.Evidence {
		if i == maxEvidence {
			return
		}
		words := e.Text
		if e.Object != "" && len(r.Objects) > 1 {
			words = e.Object + ": " + words
		}
		p.field("source."+e.Source, words)
	}
}

func (p *page) explains(id string) []string {
	var found []string
	for _, r := range p.report.Findings {
		if r.Problem() && r.CausedBy == id && !slices.Contains(found, r.ID) {
			found = append(found, r.ID)
		}
	}
	return found
}

func (p *page) remedies(r doctor.Result) {
	if len(r.Remedies) == 0 {
		return
	}
	p.text.WriteString(indent + p.ui("remedies") + "\n")
	for i, remedy := range r.Remedies {
		lead := fmt.Sprintf("%s%d. ", indent, i+1)
		words := remedy.Text
		if remedy.Fixable {
			words += " " + p.ui("fixable", "risk", p.ui("risk."+string(remedy.Risk)), "id", r.ID)
		}
		p.wrap(lead, indent+"   ", words)
		p.commands(remedy.Commands, "")
		p.commands(remedy.Undo, p.ui("undo")+" ")
	}
}

// commands are never wrapped: they are to be copied.
func (p *page) commands(all []string, before string) {
	for _, command := range all {
		p.text.WriteString(indent + "     " + before + cleanCommand(command) + "\n")
	}
}

func cleanCommand(command string) string {
	lines := strings.Split(command, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n"+indent+"     ")
}
