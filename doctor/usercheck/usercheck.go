// Package usercheck makes doctor's checks of YAML files that people write: what is wrong is an expression in CEL over the
// snapshot. Everything that can be wrong with a file is said when it is read, with the line. At work an expression has a bounded
// cost, so that none can stall doctor; one that fails ends as unknown, never as a pass.
package usercheck

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead/doctor"
)

const maxFile = 1 << 20

// Set is what files say.
type Set struct {
	Checks   []doctor.Check
	Patterns []Pattern
	// Expect is what doctor test is to find, by id, for the checks that say so.
	Expect map[string]doctor.Status
}

// Pattern is a form of text by which explain recognises a check.
type Pattern struct {
	ID, Title string

	form *regexp.Regexp
}

// Find returns the first line of a text that has the form.
func (p Pattern) Find(text string) (line string, ok bool) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); p.form.MatchString(line) {
			return line, true
		}
	}
	return "", false
}

// Load reads the checks and patterns of files. The error names everything that is wrong with them, each with its file and line.
func Load(files ...string) ([]doctor.Check, []Pattern, error) {
	set, err := Open(files...)
	if err != nil {
		return nil, nil, err
	}
	return set.Checks, set.Patterns, nil
}

// Open is Load with what the checks expect.
func Open(files ...string) (*Set, error) {
	l, err := newLoader()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := content(file)
		if err != nil {
			l.problems = append(l.problems, err)
			continue
		}
		l.read(file, content)
	}
	if err := errors.Join(l.problems...); err != nil {
		return nil, err
	}
	return &l.set, nil
}

func content(file string) ([]byte, error) {
	opened, err := os.Open(file) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fmt.Errorf("read the checks: %w", err)
	}
	defer func() { _ = opened.Close() }() // it was only read
	read, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the checks: %w", err)
	case len(read) > maxFile:
		return nil, fmt.Errorf("%s: it has more than %d MiB", file, maxFile>>20)
	}
	return read, nil
}
