package explain

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed patterns.yaml
var table []byte

// tries bounds how often a pattern looks on in a line after `unless` turned its match down.
const tries = 16

// pattern is one form that a failure takes in text.
type pattern struct {
	id     string
	form   *regexp.Regexp
	unless *regexp.Regexp
	score  float64
	hints  []string // lower-case texts, one of which is in every match, to pass over other lines cheaply
}

type row struct {
	Pattern string  `json:"pattern"`
	Unless  string  `json:"unless"`
	Score   float64 `json:"score"`
	Note    string  `json:"note"`
}

// patterns are all forms, and what is undone in a line before they look at it.
type patterns struct {
	list  []pattern
	clean *strings.Replacer
}

func compile() (patterns, error) {
	all := patterns{clean: cleaner()}
	rows := map[string][]row{}
	if err := yaml.UnmarshalStrict(table, &rows); err != nil {
		return all, fmt.Errorf("read the patterns: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		for _, r := range rows[id] {
			p, err := r.compile(id)
			if err != nil {
				return all, fmt.Errorf("compile the pattern %q of %s: %w", r.Pattern, id, err)
			}
			all.list = append(all.list, p)
		}
	}
	return all, nil
}

func (r row) compile(id string) (pattern, error) {
	source := `(?i)` + strings.NewReplacer(" ?", `\s*`, " ", `\s+`).Replace(r.Pattern)
	form, err := regexp.Compile(source)
	if err != nil {
		return pattern{}, err
	}
	p := pattern{id: id, form: form, score: r.Score}
	if r.Unless != "" {
		if p.unless, err = regexp.Compile(r.Unless); err != nil {
			return pattern{}, err
		}
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return pattern{}, err
	}
	p.hints = hints(tree.Simplify())
	return p, nil
}

// hints finds texts one of which is in everything that an expression matches, the longest there are;
// none when it cannot tell.
func hints(tree *syntax.Regexp) []string {
	switch tree.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(tree.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return hints(tree.Sub[0])
	case syntax.OpAlternate:
		var all []string
		for _, sub := range tree.Sub {
			some := hints(sub)
			if len(some) == 0 {
				return nil
			}
			all = append(all, some...)
		}
		return all
	case syntax.OpConcat:
		var best []string
		for _, sub := range tree.Sub {
			if some := hints(sub); shortest(some) > shortest(best) {
				best = some
			}
		}
		return best
	default:
		return nil
	}
}

func shortest(texts []string) int {
	if len(texts) == 0 {
		return 0
	}
	return len(slices.MinFunc(texts, func(a, b string) int { return len(a) - len(b) }))
}

func (p *pattern) hinted(lower string) bool {
	for _, hint := range p.hints {
		if strings.Contains(lower, hint) {
			return true
		}
	}
	return len(p.hints) == 0
}

func (p *pattern) match(line, lower string) (Match, bool) {
	if !p.hinted(lower) {
		return Match{}, false
	}
	start := 0
	for range tries {
		at := p.form.FindStringSubmatchIndex(line[start:])
		if at == nil {
			break
		}
		if p.unless == nil || !p.unless.MatchString(line[start+at[0]:start+at[1]]) {
			captures := p.captures(line[start:], at)
			return Match{ID: p.id, Score: p.score, Captures: captures, Evidence: shorten(strings.TrimSpace(line))}, true
		}
		if at[1] == 0 {
			break
		}
		start += at[1]
	}
	return Match{}, false
}

func (p *pattern) captures(line string, at []int) map[string]string {
	var captures map[string]string
	for i, name := range p.form.SubexpNames() {
		if name == "" || at[2*i] < 0 {
			continue
		}
		if captures == nil {
			captures = map[string]string{}
		}
		captures[name] = shorten(strings.TrimSpace(line[at[2*i]:at[2*i+1]]))
	}
	return captures
}
