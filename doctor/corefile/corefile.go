// Package corefile reads the configuration of CoreDNS as CoreDNS itself reads it, judges the overrides of the
// ConfigMap coredns-custom that send one name to a fixed address, and writes and removes such an override. It works on
// texts alone: it reads no cluster and sends no query.
package corefile

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

const (
	// Name is what the main file is called in errors and problems.
	Name = "Corefile"
	// MaxSize is the greatest sum of sizes, in bytes, of a Corefile and the files that it may import.
	MaxSize = 1 << 20
	// MaxNesting is how deep blocks may lie in one another, the server block included.
	MaxNesting = 8

	maxImports = 1000
	maxTokens  = 1 << 17
)

//go:embed directives.txt
var directiveList string

// Source is a Corefile with what it may import.
type Source struct {
	Corefile string
	// Files are the texts that imports can find, by path relative to the folder of the Corefile: custom/x.override.
	Files map[string]string
	// Env are the values of placeholders that are known. An unknown one stays as it is written.
	Env map[string]string
}

// Config is a Corefile after imports.
type Config struct {
	Servers []Server
	Imports []Import
}

// Server is one server block: the zones it answers for and the directives that do it.
type Server struct {
	Keys       []string
	Directives []Directive
	File       string
	Line       int
}

// Directive is one line of a block with the block that it opens, if any.
type Directive struct {
	Name  string
	Args  []string
	Block []Directive
	File  string
	Line  int

	tokens []token
}

// Import is one import line of files, with the files that it found.
type Import struct {
	Pattern string
	Files   []string
	File    string
	Line    int
}

// Error says where and why CoreDNS refuses a Corefile.
type Error struct {
	File   string
	Line   int
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s line %d: %s", e.File, e.Line, e.Reason) }

// Parse reads a Corefile with its imports and refuses what CoreDNS would refuse. The error is an *Error.
func Parse(from Source) (*Config, error) {
	size := len(from.Corefile)
	for _, text := range from.Files {
		size += len(text)
	}
	if size > MaxSize {
		return nil, &Error{Name, 1, fmt.Sprintf("the configuration has %d bytes, more than the %d that are read", size, MaxSize)}
	}
	p := parser{cursor: cursor{tokens: scan(Name, from.Corefile), at: -1}, from: from, known: Directives(), snippets: map[string][]token{}}
	if err := p.all(); err != nil {
		return nil, err
	}
	if err := inspect(p.config.Servers); err != nil {
		return nil, err
	}
	return &p.config, nil
}

// Directives lists the names that CoreDNS 1.14 accepts as directives.
func Directives() []string {
	return slices.DeleteFunc(strings.Fields(strings.ReplaceAll(stripComments(directiveList), "\n", " ")), func(s string) bool { return s == "" })
}

func stripComments(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, "#") }), "\n")
}

// named lists the directives of a server block with a name, in their order.
func (s Server) named(name string) []Directive {
	var found []Directive
	for _, d := range s.Directives {
		if d.Name == name {
			found = append(found, d)
		}
	}
	return found
}

func (s Server) has(name string) bool { return len(s.named(name)) > 0 }
