// Package page writes parts of a page of documentation, each between two comments of its own, so that several programs keep their
// figures on one page. It does not know what they measure.
package page

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Section is a part of a page that a program writes. No two of a page have the same name.
type Section struct {
	Name string
	// Writer is the folder of the program, for who reads the page's source.
	Writer string
}

// Write replaces the section in a file and leaves the rest as it is. A section, or a file, that is not there yet is made, the
// section as the last one.
func (s Section) Write(file, text string) error {
	before, err := os.ReadFile(file) //nolint:gosec // the caller names it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the page: %w", err)
	}
	if err := os.WriteFile(file, []byte(s.replace(string(before), text)), 0o644); err != nil { //nolint:gosec // a page of the documentation
		return fmt.Errorf("write section %s: %w", s.Name, err)
	}
	return nil
}

func (s Section) begin() string { return "<!-- " + s.Name + ": written by " + s.Writer + " -->\n" }

func (s Section) end() string { return "<!-- end of " + s.Name + " -->\n" }

func (s Section) replace(page, text string) string {
	before, rest, there := strings.Cut(page, s.begin())
	if !there {
		if page != "" {
			page = strings.TrimRight(page, "\n") + "\n\n"
		}
		return page + s.begin() + text + s.end()
	}
	_, after, _ := strings.Cut(rest, s.end())
	return before + s.begin() + text + s.end() + after
}
