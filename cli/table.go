package cli

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/jmespath/go-jmespath"
)

// column is one column of a table: its title, where its value is in a document (JMESPath), and how
// it is written; nil writes it as it is.
type column struct {
	title, path string
	write       func(any) string
}

// table writes rows with a title line; without columns it takes those that the values have.
func (s *session) table(value any, columns []column) string {
	rows, many := value.([]any)
	if !many {
		if value == nil {
			return ""
		}
		rows = []any{value}
	}
	if len(rows) == 0 {
		return ""
	}
	if columns == nil {
		columns = s.derive(rows[0])
	}
	return s.draw(columns, rows)
}

func (s *session) derive(row any) []column {
	switch v := row.(type) {
	case map[string]any:
		return s.fields(v)
	case []any:
		all := make([]column, len(v))
		for i := range v {
			all[i] = column{title: fmt.Sprintf("Column%d", i+1), path: fmt.Sprintf("[%d]", i)}
		}
		return all
	}
	return []column{{title: "Result", path: "@"}}
}

func (s *session) fields(row map[string]any) []column {
	var all []column
	for _, name := range ordered(row, s.keys()) {
		if _, nested := row[name].(map[string]any); nested {
			continue
		}
		if s.query == "" && (name == "id" || name == "type" || name == "etag") {
			continue
		}
		all = append(all, column{title: strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):], path: fmt.Sprintf("%q", name)})
	}
	return all
}

func (s *session) draw(columns []column, rows []any) string {
	titles, rules := make([]string, len(columns)), make([]string, len(columns))
	grid := make([][]string, 0, len(rows)+1)
	for i, c := range columns {
		titles[i] = c.title
	}
	for _, row := range rows {
		grid = append(grid, line(columns, row))
	}
	for i := range columns {
		width := lipgloss.Width(titles[i])
		for _, row := range grid {
			width = max(width, lipgloss.Width(row[i]))
		}
		rules[i] = strings.Repeat("-", width)
	}
	drawn := table.New().Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).
		BorderRight(false).BorderHeader(false).BorderColumn(false).Headers(titles...).Rows(rules).Rows(grid...).
		StyleFunc(func(row, _ int) lipgloss.Style { return s.style(row == table.HeaderRow) }).String()
	return trimLines(drawn)
}

func (s *session) style(header bool) lipgloss.Style { //nolint:revive // the flag is the row's nature, not a mode
	style := lipgloss.NewStyle().PaddingRight(2)
	if header && s.streams.colourful(s.streams.Out) {
		return style.Bold(true)
	}
	return style
}

func line(columns []column, row any) []string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		value, err := jmespath.Search(c.path, row)
		switch {
		case err != nil:
			value = nil
		case c.write != nil:
			texts[i] = c.write(value)
			continue
		}
		texts[i] = scalar(value)
	}
	return texts
}

func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// ago writes a time as the span that has passed since.
func ago(value any) string {
	stamp, _ := value.(string)
	then, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return scalar(value)
	}
	return span(time.Since(then)) + " ago"
}

func span(passed time.Duration) string {
	passed = max(passed, 0)
	switch {
	case passed < 2*time.Minute:
		return fmt.Sprintf("%ds", int(passed.Seconds()))
	case passed < 2*time.Hour:
		return fmt.Sprintf("%dm", int(passed.Minutes()))
	case passed < 48*time.Hour:
		return fmt.Sprintf("%dh", int(passed.Hours()))
	}
	return fmt.Sprintf("%dd", int(passed.Hours()/24))
}

const (
	jsonKey = `(?m)^(\s*)("(?:[^"\\]|\\.)*")(:)`
	yamlKey = `(?m)^(\s*(?:- )?)([^\s:][^:\n]*)(:)`
)

// colour paints keys in the formats that are asked to be coloured, on a terminal. Asking for one by its name goes
// before NO_COLOR.
func (s *session) colour(format, text, key string) string {
	if s.output != format || !s.streams.steerable(s.streams.Out) {
		return text
	}
	return regexp.MustCompile(key).ReplaceAllString(text, "${1}\x1b[34m${2}\x1b[0m${3}")
}
