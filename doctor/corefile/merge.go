package corefile

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	customFolder   = "custom"
	overrideSuffix = ".override"
	serverSuffix   = ".server"

	// What stands in for a Corefile that is unknown or broken.
	bare = ". {\nimport custom/*.override\n}\nimport custom/*.server\n"
)

// merged is what CoreDNS would run, less the parts that it would refuse.
type merged struct {
	config  *Config
	refused []*Error
	// whole tells whether the cluster's own Corefile is in it.
	whole bool
}

// merge parses a Corefile with the keys of coredns-custom. A part that is refused is set aside, so that the others are
// judged too.
func merge(corefile string, custom map[string]string) merged {
	m := merged{config: &Config{}, whole: corefile != ""}
	if !m.whole {
		corefile = bare
	}
	files := m.balanced(custom)
	for range len(files) + 2 {
		config, err := Parse(Source{Corefile: corefile, Files: files})
		var refused *Error
		if !errors.As(err, &refused) {
			m.config = config
			return m
		}
		m.refused = append(m.refused, refused)
		if refused.File == Name {
			corefile, m.whole = bare, false
		}
		delete(files, refused.File)
	}
	return m
}

// balanced mounts the keys as files, without those whose braces do not match: they would reach into the text around
// them, and the error would be found in a place that is right.
func (m *merged) balanced(custom map[string]string) map[string]string {
	files := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(custom)) {
		if line, reason := unbalanced(custom[key]); reason != "" && isImported(key) {
			m.refused = append(m.refused, &Error{path.Join(customFolder, key), line, reason})
			continue
		}
		files[path.Join(customFolder, key)] = custom[key]
	}
	return files
}

func isImported(key string) bool {
	return strings.HasSuffix(key, overrideSuffix) || strings.HasSuffix(key, serverSuffix)
}

func unbalanced(text string) (int, string) {
	if len(text) > MaxSize {
		return 1, fmt.Sprintf("the text has %d bytes, more than the %d that are read", len(text), MaxSize)
	}
	var open []int
	for _, t := range scan("", text) {
		switch {
		case t.text == "{":
			open = append(open, t.line)
		case t.text == "}" && len(open) == 0:
			return t.line, "a closing brace has no opening one"
		case t.text == "}":
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return open[len(open)-1], "the brace that opens here is not closed"
	}
	return 0, ""
}

// imports tells whether a key of coredns-custom reaches CoreDNS.
func (m merged) imports(key string) bool {
	return slices.ContainsFunc(m.config.Imports, func(i Import) bool {
		matched, err := path.Match(resolve(i.Pattern, i.File), path.Join(customFolder, key))
		return err == nil && matched
	})
}

func (m merged) runs(directive string) bool {
	return slices.ContainsFunc(m.config.Servers, func(s Server) bool { return s.has(directive) })
}

// hosts lists the blocks of all servers once each, although two servers may import the same file.
func (m merged) hosts() []hosts {
	var found []hosts
	for _, server := range m.config.Servers {
		blocks, _ := server.hosts()
		for _, block := range blocks {
			same := func(h hosts) bool { return h.file == block.file && h.line == block.line && h.open == block.open }
			if !slices.ContainsFunc(found, same) {
				found = append(found, block)
			}
		}
	}
	return found
}
