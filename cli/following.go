package cli

import (
	"encoding/json"
	"strings"

	"github.com/fairlead/fairlead"
)

// following writes entries that go on, as they come.
type following[T any] struct {
	session *session
	columns []column
	widths  []int        // of columns while entries come; the last one needs none
	wanted  func(T) bool // nil: all
	begun   bool
}

func (p *following[T]) kept(entries []T) []T {
	kept := []T{}
	for _, entry := range entries {
		if p.wanted == nil || p.wanted(entry) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// all shows the entries that there are. A person is told where there are none.
func (p *following[T]) all(entries []T, none string) error {
	s, kept := p.session, p.kept(entries)
	if len(kept) == 0 && s.output == "" && s.query == "" && s.streams.terminal(s.streams.Out) {
		return s.say(s.streams.Out, none)
	}
	return s.show(kept, p.columns)
}

func (p *following[T]) print(entries []T) error {
	for _, entry := range p.kept(entries) {
		if err := p.one(entry); err != nil {
			return err
		}
	}
	return nil
}

// one writes an entry: a JSON line for programs, a line of columns for people. What is to come is not known, so widths are not either.
func (p *following[T]) one(entry T) error {
	s := p.session
	if s.query != "" {
		return s.show(entry, nil)
	}
	switch s.format() {
	case "json", "jsonc":
		content, err := json.Marshal(entry)
		if err != nil {
			return fairlead.Errorf(fairlead.Internal, "write JSON: %w", err)
		}
		return s.say(s.streams.Out, string(content))
	case "table":
	default:
		return s.show(entry, p.columns)
	}
	plain, err := generic(entry)
	if err != nil {
		return err
	}
	if !p.begun {
		p.begun = true
		titles := make([]string, len(p.columns))
		for i, one := range p.columns {
			titles[i] = one.title
		}
		if err := s.say(s.streams.Out, p.row(titles)); err != nil {
			return err
		}
	}
	return s.say(s.streams.Out, p.row(line(p.columns, plain)))
}

func (p *following[T]) row(cells []string) string {
	for i := range cells {
		cells[i] = oneLine(cells[i])
	}
	for i, width := range p.widths {
		cells[i] += strings.Repeat(" ", max(0, width-len(cells[i])))
	}
	return strings.TrimRight(strings.Join(cells, "  "), " ")
}
