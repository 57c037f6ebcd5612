package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	matching "github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/render"
	"github.com/fairlead/fairlead/doctor/usercheck"
)

const maxExplained = 4 << 20

// explained is a match in words.
type explained struct {
	matching.Match

	Title string `json:"title"`
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
	// Commands of this program that show more of it.
	Commands []string `json:"commands,omitempty"`
}

// showMore returns the commands that show more of an entry: what is about extensions is asked for where they are installed from.
func showMore(id string) []string {
	const which = " -g GROUP -c CLUSTER -t connectedClusters -n NAME"
	area, _, _ := strings.Cut(id, "-")
	switch area {
	case "EXT", "HLM":
		return []string{"fairlead k8s-extension show" + which, "fairlead k8s-extension events" + which + " --follow", "fairlead doctor " + area}
	case "FLX":
		return []string{"fairlead k8s-extension show" + strings.Replace(which, "NAME", "flux", 1), "fairlead doctor FLX"}
	}
	return nil
}

func newExplainCommand(s *session) *cobra.Command {
	var lang string
	var checkFiles []string
	command := &cobra.Command{
		Use: "explain [TEXT|-|ID]", Short: "Say what an error, a log or a sentence of a guide means",
		Long: `Say which failure of the catalogue a text is about, its cause, and what mends it. The text is a pasted error, an id such as
ARC-08, a sentence of a guide in any of its languages, or, with - or nothing, a whole log on standard input. It works without a
network and without a cluster.`,
		Example: `  fairlead explain 'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress'
  kubectl logs -n azure-arc deploy/config-agent | fairlead explain -
  fairlead explain EXT-08 --lang fr`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return slices.DeleteFunc(doctorWords(), func(word string) bool { return !strings.Contains(word, "-") }), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(command *cobra.Command, args []string) error {
			text, err := s.toExplain(args)
			if err != nil {
				return err
			}
			words, err := s.words(lang)
			if err != nil {
				return err
			}
			own, err := ownMatches(checkFiles, text)
			if err != nil {
				return err
			}
			return s.explain(text, words, own)
		},
	}
	s.offerFormats(command, []string{"text", "json", "yaml"})
	command.Flags().StringArrayVar(&checkFiles, "checks", nil, "a YAML file with checks of your own, whose patterns are recognised as well (repeatable)")
	command.Flags().StringVar(&lang, "lang", "", "language: "+strings.Join(languages(), ", ")+" (default: the locale's, else en)")
	_ = command.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(languages(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

// toExplain returns the arguments as one text, else the standard input.
func (s *session) toExplain(args []string) (string, error) {
	if text := strings.Join(args, " "); len(args) > 0 && text != "-" {
		if strings.TrimSpace(text) == "" {
			return "", usagef("there is nothing to explain: the text is empty")
		}
		return text, nil
	}
	if len(args) == 0 && s.streams.terminal(s.streams.In) {
		return "", usagef("there is nothing to explain: give a text, an id, or - to read standard input")
	}
	content, err := io.ReadAll(io.LimitReader(s.streams.In, maxExplained+1))
	switch {
	case err != nil:
		return "", fairlead.Errorf(fairlead.Invalid, "standard input cannot be read: %w", err)
	case len(content) > maxExplained:
		return "", usagef("standard input has more than %d MiB: give the last part of the log, such as with tail -n 10000", maxExplained>>20)
	}
	return string(content), nil
}

// ownMatches are those of a person's own checks. They go first: a person writes them for what the catalogue gets wrong.
func ownMatches(files []string, text string) ([]explained, error) {
	found := []explained{}
	if len(files) == 0 {
		return found, nil
	}
	_, patterns, err := usercheck.Load(files...)
	if err != nil {
		return nil, &usageError{err}
	}
	for _, pattern := range patterns {
		if line, ok := pattern.Find(text); ok {
			found = append(found, explained{Match: matching.Match{ID: pattern.ID, Score: 1, Evidence: line}, Title: pattern.Title})
		}
	}
	return found, nil
}

func (s *session) explain(text string, words *catalogue.Catalogue, matches []explained) error {
	matcher, err := matching.Open()
	if err != nil {
		return err
	}
	secrets, err := newRedactor()
	if err != nil {
		return err
	}
	for i := range matches {
		matches[i].Evidence = secrets.Text(matches[i].Evidence)
	}
	for _, match := range matcher.Match(text) {
		match.Evidence = secrets.Text(match.Evidence)
		matches = append(matches, explained{match, words.Title(match.ID), words.Cause(match.ID), words.Fix(match.ID), showMore(match.ID)})
	}
	if s.output != "" && s.output != "text" || s.query != "" {
		if s.output == "" {
			s.output = "json"
		}
		return s.show(map[string]any{"matches": matches}, nil)
	}
	return s.explainText(text, matches, words)
}

// maxMatches is how many a person is shown; the JSON has all.
const maxMatches = 3

// none says that there is no match. What looks like an id was meant as one.
func none(text string, words *catalogue.Catalogue) string {
	word := strings.ToUpper(strings.TrimSpace(text))
	if area, number, ok := strings.Cut(word, "-"); ok && slices.Contains(doctor.Areas(), area) && !strings.ContainsAny(number, " -") {
		return words.UI("explainNoEntry", map[string]string{"id": word})
	}
	return words.UI("explainNone", nil)
}

func (s *session) explainText(text string, matches []explained, words *catalogue.Catalogue) error {
	if len(matches) == 0 {
		return s.say(s.streams.Out, strings.TrimSuffix(render.Paragraph("", none(text, words), s.outWidth()), "\n"))
	}
	var page strings.Builder
	for i, match := range matches[:min(len(matches), maxMatches)] {
		if i > 0 {
			page.WriteString("\n")
		}
		fmt.Fprintf(&page, "%s  %s\n", match.ID, match.Title)
		for _, part := range []struct{ key, words string }{
			{"explainMatched", match.Evidence}, {"explainCause", match.Cause}, {"explainFix", match.Fix}, {"explainCommands", strings.Join(match.Commands, "; ")},
		} {
			if part.words != "" {
				page.WriteString(render.Paragraph("  ", words.UI(part.key, nil)+words.UI("colon", nil)+part.words, s.outWidth()))
			}
		}
	}
	return s.say(s.streams.Out, strings.TrimSuffix(page.String(), "\n"))
}
