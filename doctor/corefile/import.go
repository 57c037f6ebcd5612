package corefile

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Folder is where CoreDNS' ConfigMap is mounted, so that an import may name it in full.
const Folder = "/etc/coredns"

// importHere puts a snippet or files in the place of an import and its argument; the cursor then stands on the first
// word of them.
func (p *parser) importHere() error {
	line := p.token()
	if !p.nextArg() {
		return p.errorf("import needs the name of a snippet, a file or a pattern")
	}
	pattern := p.env(p.text())
	if pattern == "" {
		return p.errorf("import needs a name that is not empty")
	}
	if p.nextArg() {
		return p.errorf("import takes one argument only")
	}
	if p.imports++; p.imports > maxImports {
		return p.errorf("the configuration imports more than %d times", maxImports)
	}
	words, isSnippet := p.snippets[pattern]
	if !isSnippet {
		var err error
		if words, err = p.files(pattern, line); err != nil {
			return err
		}
	}
	if len(p.tokens)+len(words) > maxTokens {
		return p.errorf("the configuration has more than %d words after its imports", maxTokens)
	}
	p.at--
	p.tokens = slices.Concat(p.tokens[:p.at], words, p.tokens[p.at+2:])
	return nil
}

func (p *parser) files(pattern string, line token) ([]token, error) {
	where := resolve(pattern, line.file)
	if strings.Count(where, "*") > 1 || strings.Count(where, "?") > 1 || strings.Contains(where, "[") && strings.Contains(where, "]") {
		return nil, p.errorf("an import pattern may hold one wildcard only, but %s has others", pattern)
	}
	found := Import{Pattern: pattern, File: line.file, Line: line.line}
	var words []token
	for _, name := range slices.Sorted(maps.Keys(p.from.Files)) {
		if matched, err := path.Match(where, name); err != nil {
			return nil, p.errorf("the import pattern %s cannot be read: %v", pattern, err)
		} else if matched {
			found.Files = append(found.Files, name)
			words = append(words, scan(name, p.from.Files[name])...)
		}
	}
	if len(found.Files) == 0 && !strings.ContainsAny(where, "*?[]") && p.mustExist(where) {
		return nil, p.errorf("the file %s, which is to be imported, does not exist", pattern)
	}
	p.config.Imports = append(p.config.Imports, found)
	return words, nil
}

// mustExist tells whether we know all files of the folder that a path names. What else is mounted in the pod, or stands
// behind a placeholder, is unknown.
func (p *parser) mustExist(where string) bool {
	return !hasPlaceholder(where) && strings.HasPrefix(where, customFolder+"/")
}

// resolve makes a pattern relative to the folder of the Corefile.
func resolve(pattern, from string) string {
	if rest, below := strings.CutPrefix(pattern, Folder+"/"); below {
		return path.Clean(rest)
	}
	if path.IsAbs(pattern) {
		return path.Clean(pattern)
	}
	return path.Join(path.Dir(from), pattern)
}
