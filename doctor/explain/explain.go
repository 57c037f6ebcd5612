// Package explain finds the failures that a text speaks of: an error message, a log, a listing, or
// a sentence that somebody copied from a guide in any of its languages. It knows the ids of the
// catalogue and what their failures look like, not what to do about them.
package explain

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fairlead/fairlead/doctor/catalogue"
)

const (
	// What is read of a text. What happened last stands at the end of a log.
	maxText = 4 << 20
	// What is read of one line.
	maxLine = 64 << 10
	// What is shown of a line.
	maxEvidence = 400
)

// Match says that a text speaks of a failure, how sure that is, and why.
type Match struct {
	ID       string            `json:"id"`
	Score    float64           `json:"score"`
	Captures map[string]string `json:"captures,omitempty"`
	Evidence string            `json:"evidence,omitempty"` // the line that matched
}

// Matcher finds failures in texts. It is safe for concurrent use.
type Matcher struct {
	patterns patterns
	phrases  phrases
	ids      map[string]bool
}

// New compiles the patterns, and the titles and aliases of catalogues. Without a catalogue it knows
// the patterns alone.
func New(catalogues ...*catalogue.Catalogue) (*Matcher, error) {
	patterns, err := compile()
	if err != nil {
		return nil, err
	}
	m := &Matcher{patterns: patterns, ids: map[string]bool{}, phrases: collect(catalogues)}
	for i := range patterns.list {
		m.ids[patterns.list[i].id] = true
	}
	for _, words := range catalogues {
		for _, id := range words.IDs() {
			m.ids[id] = true
		}
	}
	return m, nil
}

// Open compiles the patterns and the catalogues of all languages.
func Open() (*Matcher, error) {
	var all []*catalogue.Catalogue
	for _, language := range catalogue.Languages() {
		words, err := catalogue.Open(language)
		if err != nil {
			return nil, fmt.Errorf("open the texts that explain looks for: %w", err)
		}
		all = append(all, words)
	}
	return New(all...)
}

// Match returns the failures that a text speaks of, the surest first, none when it speaks of none.
// Of a text beyond 4 MiB only the end is read.
func (m *Matcher) Match(text string) []Match {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[len(text)-maxText:], "")
	}
	if id, ok := m.ID(text); ok {
		return []Match{{ID: id, Score: 1, Evidence: strings.TrimSpace(text)}}
	}
	found := matches{}
	for line := range lines(text) {
		m.matchLine(line, found)
	}
	if wrapped, ok := unwrap(text); ok {
		m.matchLine(wrapped, found)
	}
	m.phrases.match(text, found)
	return found.sorted()
}

// Classify returns the failure that one line speaks of most surely, by the patterns alone.
func (m *Matcher) Classify(line string) (id string, captures map[string]string, ok bool) {
	found := matches{}
	m.matchLine(line[:min(len(line), maxLine)], found)
	if len(found) == 0 {
		return "", nil, false
	}
	best := found.sorted()[0]
	return best.ID, best.Captures, true
}

// Classify returns the failure that one line speaks of most surely, by the patterns alone.
func Classify(line string) (id string, captures map[string]string, ok bool) {
	patterns, err := compiled()
	if err != nil {
		return "", nil, false // A test reads the patterns, so a binary never has broken ones.
	}
	return (&Matcher{patterns: patterns}).Classify(line)
}

// compiled keeps the patterns, which never change, for the many checks that classify a line.
var compiled = sync.OnceValues(compile) //nolint:gochecknoglobals // a constant that takes time to build

var idForm = regexp.MustCompile(`^[A-Z]{3,4}-[0-9]{2}$`)

// ID reports whether a text is nothing but the id of a failure, such as "ext-08", and returns it
// as the catalogue spells it.
func (m *Matcher) ID(text string) (string, bool) {
	if len(text) > 64 {
		return "", false
	}
	id := strings.ToUpper(strings.TrimSpace(text))
	return id, idForm.MatchString(id) && m.ids[id]
}

func (m *Matcher) matchLine(line string, found matches) {
	line = m.patterns.clean.Replace(strings.TrimSpace(line))
	lower := strings.ToLower(line)
	for i := range m.patterns.list {
		p := &m.patterns.list[i]
		if p.score <= found[p.id].Score {
			continue // A log repeats itself.
		}
		if match, ok := p.match(line, lower); ok {
			found.add(match)
		}
	}
}

type matches map[string]Match

func (m matches) add(match Match) {
	if old, ok := m[match.ID]; !ok || match.Score > old.Score {
		m[match.ID] = match
	}
}

func (m matches) sorted() []Match {
	list := make([]Match, 0, len(m))
	for _, match := range m {
		list = append(list, match)
	}
	slices.SortFunc(list, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return list
}
