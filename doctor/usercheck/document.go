package usercheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is one check as it is written.
type document struct {
	APIVersion source   `yaml:"apiVersion"`
	Kind       source   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`

	line int
}

type metadata struct {
	Name source `yaml:"name"`
}

type spec struct {
	Title    source   `yaml:"title"`
	Severity source   `yaml:"severity"`
	Status   source   `yaml:"status"`
	Expect   source   `yaml:"expect"`
	Needs    []need   `yaml:"needs"`
	When     source   `yaml:"when"`
	Expr     source   `yaml:"expr"`
	ForEach  *forEach `yaml:"forEach"`
	Reason   source   `yaml:"reason"`
	Remedies []remedy `yaml:"remedies"`
	Explain  patterns `yaml:"explain"`
}

type need struct {
	Resource  source `yaml:"resource"`
	Namespace source `yaml:"namespace"`
	Name      source `yaml:"name"`
}

type forEach struct {
	In     source `yaml:"in"`
	As     source `yaml:"as"`
	Expr   source `yaml:"expr"`
	Object source `yaml:"object"`
}

type remedy struct {
	Text     source   `yaml:"text"`
	Commands []source `yaml:"commands"`
	Risk     source   `yaml:"risk"`
}

type patterns struct {
	Patterns []source `yaml:"patterns"`
}

// source is a text with the line that it begins in.
type source struct {
	text string
	line int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *source) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: it has to be a text", node.Line)}}
	}
	s.text, s.line = node.Value, node.Line
	if node.Tag == "!!null" {
		s.text = ""
	}
	if node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		s.line++ // the text begins below the sign
	}
	return nil
}

// parse reads the documents of a file strictly, up to the first that is no YAML at all.
func parse(file string, content []byte) ([]document, []error) {
	starts, err := startLines(content)
	if err != nil {
		return nil, yamlErrors(file, err)
	}
	var documents []document
	var problems []error
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	for _, start := range starts {
		one := document{line: start}
		err := decoder.Decode(&one)
		if err != nil {
			problems = append(problems, yamlErrors(file, err)...)
		} else if start > 0 {
			documents = append(documents, one)
		}
	}
	return documents, problems
}

// startLines returns the line in which each document begins, 0 for those that are empty.
func startLines(content []byte) ([]int, error) {
	var starts []int
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		switch {
		case errors.Is(err, io.EOF):
			return starts, nil
		case err != nil:
			return nil, err
		case len(node.Content) == 0 || node.Content[0].Tag == "!!null":
			starts = append(starts, 0)
		default:
			starts = append(starts, node.Content[0].Line)
		}
	}
}

var (
	yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	yamlType = regexp.MustCompile(` in type usercheck\.\w+| into (?:usercheck\.|\[\]usercheck\.)\w+`)
)

// yamlErrors puts the reader's complaints into the form of all others.
func yamlErrors(file string, err error) []error {
	messages := []string{err.Error()}
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		messages = several.Errors
	}
	var all []error
	for _, message := range messages {
		message = yamlType.ReplaceAllString(message, "")
		if parts := yamlLine.FindStringSubmatch(message); parts != nil {
			all = append(all, fmt.Errorf("%s:%s: %s", file, parts[1], parts[2]))
		} else {
			all = append(all, fmt.Errorf("%s: %s", file, strings.TrimPrefix(message, "yaml: ")))
		}
	}
	return all
}
