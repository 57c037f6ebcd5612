package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jmespath/go-jmespath"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

func formats() []string { return []string{"json", "jsonc", "yaml", "yamlc", "table", "tsv", "none"} }

// check refuses a format or query that is wrong before anything has been done.
func (s *session) check(command *cobra.Command) error {
	known := formats()
	if isDoctor(command) {
		known = doctorFormats(command)
	}
	if s.output != "" && !slices.Contains(known, s.output) {
		return usagef("--output/-o: %q is not one of %s", s.output, strings.Join(known, ", "))
	}
	if s.query == "" {
		return nil
	}
	if _, err := jmespath.Compile(s.query); err != nil {
		return usagef("--query: %q is not a JMESPath query: %w", s.query, err)
	}
	return nil
}

// show writes a result: through the query, in the format asked for. Columns are what a table of
// it has when nothing was queried.
func (s *session) show(value any, columns []column) error {
	plain, err := generic(value)
	if err != nil {
		return err
	}
	if s.query != "" {
		columns = nil
		if plain, err = jmespath.Search(s.query, plain); err != nil {
			return usagef("--query: %w", err)
		}
	}
	text, err := s.render(plain, columns)
	if err != nil || text == "" {
		return err
	}
	return s.say(s.streams.Out, strings.TrimSuffix(text, "\n"))
}

// tell writes a sentence when a person reads along and no format was asked for, the result otherwise.
func (s *session) tell(sentence string, value any, columns []column) error {
	if s.output == "" && s.query == "" && s.streams.terminal(s.streams.Out) {
		return s.say(s.streams.Out, sentence)
	}
	return s.show(value, columns)
}

func (s *session) format() string {
	switch {
	case s.output != "":
		return s.output
	case s.streams.terminal(s.streams.Out):
		return "table"
	}
	return "json"
}

func (s *session) render(value any, columns []column) (string, error) {
	switch s.format() {
	case "table":
		return s.table(value, columns), nil
	case "tsv":
		return separated(value, s.keys()), nil
	case "yaml", "yamlc":
		content, err := yaml.Marshal(value)
		if err != nil {
			return "", fairlead.Errorf(fairlead.Internal, "write YAML: %w", err)
		}
		return s.colour("yamlc", string(content), yamlKey), nil
	case "none":
		return "", nil
	}
	content, err := indented(value)
	return s.colour("jsonc", content, jsonKey), err
}

func indented(value any) (string, error) {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return "", fairlead.Errorf(fairlead.Internal, "write JSON: %w", err)
	}
	return content.String(), nil
}

// generic turns typed values into what JMESPath understands.
func generic(value any) (any, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Internal, "write JSON: %w", err)
	}
	var plain any
	if err := json.Unmarshal(content, &plain); err != nil {
		return nil, fairlead.Errorf(fairlead.Internal, "read JSON: %w", err)
	}
	return plain, nil
}

// keys returns the names that the query gives to its results, in the order in which it gives them:
// the order of columns, which a Go map does not keep.
func (s *session) keys() []string {
	if s.query == "" {
		return nil
	}
	tree, err := jmespath.NewParser().Parse(s.query)
	if err != nil {
		return nil
	}
	var names []string
	pair := false
	for line := range strings.Lines(tree.PrettyPrint(0)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "value: "); ok && pair {
			names = append(names, strings.Trim(name, `"`))
		}
		pair = strings.HasPrefix(line, "ASTKeyValPair")
	}
	return names
}

// ordered returns the keys of a map: those in first, then the others by name.
func ordered(document map[string]any, first []string) []string {
	var names []string
	for _, name := range first {
		if _, ok := document[name]; ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var others []string
	for name := range document {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

// separated writes values with tabs between and a line each, as scripts want them; the rules for
// nested values are those of az.
func separated(value any, order []string) string {
	var text strings.Builder
	rows, ok := value.([]any)
	if !ok {
		rows = []any{value}
	}
	for _, row := range rows {
		if row == nil && !ok {
			continue
		}
		text.WriteString(strings.Join(cells(row, order), "\t") + "\n")
	}
	return text.String()
}

func cells(row any, order []string) []string {
	var all []string
	switch v := row.(type) {
	case map[string]any:
		for _, name := range ordered(v, order) {
			all = append(all, field(v[name]))
		}
	case []any:
		for _, value := range v {
			all = append(all, field(value))
		}
	default:
		all = []string{field(row)}
	}
	return all
}

func field(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case []any:
		return fmt.Sprint(len(v))
	case map[string]any:
		return ""
	}
	return strings.ReplaceAll(scalar(value), "\t", " ")
}

// scalar writes a plain value for people, without anything that could steer a terminal.
func scalar(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return strings.Map(printable, v)
	case float64:
		return fmt.Sprintf("%.10g", v)
	case bool:
		return fmt.Sprint(v)
	}
	content, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return strings.Map(printable, string(content))
}

// oneLine is a text in one line: what breaks lines, steers a terminal or is blank becomes one blank.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// printable drops what could steer a terminal; the end of a line parts words and becomes a blank.
func printable(r rune) rune {
	if r == '\n' {
		return ' '
	}
	if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}
