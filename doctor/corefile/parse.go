package corefile

import (
	"fmt"
	"slices"
	"strings"
)

type parser struct {
	cursor

	from     Source
	known    []string
	config   Config
	snippets map[string][]token
	imports  int
}

func (p *parser) errorf(format string, args ...any) error {
	at := p.token()
	if at.file == "" && len(p.tokens) > 0 {
		at = p.tokens[len(p.tokens)-1]
	}
	if at.file == "" {
		at = token{file: Name, line: 1}
	}
	return &Error{at.file, at.line, fmt.Sprintf(format, args...)}
}

func (p *parser) all() error {
	for p.next() {
		if err := p.one(); err != nil {
			return err
		}
	}
	return nil
}

// one reads a server block or the definition of a snippet.
func (p *parser) one() error {
	words, ended, err := p.keys()
	if err != nil {
		return err
	}
	server := Server{Keys: texts(words)}
	if len(words) > 0 {
		server.File, server.Line = words[0].file, words[0].line
	}
	if name, is := snippetName(server.Keys); is && !ended {
		return p.snippet(name)
	}
	if !ended {
		if err := p.block(&server); err != nil {
			return err
		}
	}
	if len(words) > 0 {
		p.config.Servers = append(p.config.Servers, server)
	}
	return nil
}

// keys reads the zones of a server block: words up to a brace or the end of the line, where a comma at the end of a
// word promises another. It also tells whether the text ended with them.
func (p *parser) keys() ([]token, bool, error) {
	var keys []token
	for more := false; ; {
		key := p.env(p.text())
		switch {
		case key == "import" && p.startsLine():
			if err := p.importHere(); err != nil {
				return nil, false, err
			}
			continue
		case key == "{" && more:
			return nil, false, p.errorf("another zone must follow the comma, not a brace")
		case key == "{":
			return keys, false, nil
		case key != "":
			word := p.token()
			word.text, more = strings.CutSuffix(key, ",")
			keys = append(keys, word)
		}
		if !p.next() {
			if more {
				return nil, false, p.errorf("the text ends where another zone must follow the comma")
			}
			return keys, true, nil
		}
		if !more && p.startsLine() {
			return keys, false, nil
		}
	}
}

func snippetName(keys []string) (string, bool) {
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "(") || !strings.HasSuffix(keys[0], ")") {
		return "", false
	}
	return strings.TrimSuffix(keys[0][1:], ")"), true
}

// snippet keeps the words of a named block for the imports that follow.
func (p *parser) snippet(name string) error {
	if _, twice := p.snippets[name]; twice {
		return p.errorf("the snippet %s is defined twice", name)
	}
	if p.text() != "{" {
		return p.errorf("a snippet needs a block in braces, not %q", p.text())
	}
	var kept []token
	for depth := 1; ; kept = append(kept, p.token()) {
		if !p.next() {
			return p.errorf("the block of the snippet %s is not closed", name)
		}
		switch p.text() {
		case "{":
			depth++
		case "}":
			depth--
		}
		if depth == 0 {
			break
		}
	}
	if importsItself(kept, name) {
		return p.errorf("the snippet %s imports itself", name)
	}
	p.snippets[name] = kept
	return nil
}

func importsItself(tokens []token, name string) bool {
	for i := range len(tokens) - 1 {
		starts := i == 0 || tokens[i-1].file != tokens[i].file || tokens[i-1].line != tokens[i].line
		if starts && tokens[i].text == "import" && tokens[i+1].text == name {
			return true
		}
	}
	return false
}

// block reads the directives of a server, which need no braces if it is the only one. A closing brace that is missing
// at the very end goes unnoticed if the last word is another one, because CoreDNS looks at the last word only.
func (p *parser) block(server *Server) error {
	braced := p.text() == "{"
	if !braced {
		p.at--
	}
	for p.next() && p.text() != "}" {
		if p.text() == "import" {
			if err := p.importHere(); err != nil {
				return err
			}
			p.at--
			continue
		}
		if err := p.directive(server); err != nil {
			return err
		}
	}
	if braced && p.text() != "}" {
		return p.errorf("the block of the server is not closed")
	}
	return nil
}

func (p *parser) directive(server *Server) error {
	first := p.token()
	first.text = p.env(first.text)
	if !p.valid(first.text) {
		return p.errorf("unknown directive %q", first.text)
	}
	found := Directive{Name: first.text, File: first.file, Line: first.line, tokens: []token{first}}
	depth := 0
	for p.next() {
		if depth == 0 && p.text() != "{" && p.startsLine() {
			p.at--
			break
		}
		if p.text() == "import" && p.startsLine() {
			if err := p.importHere(); err != nil {
				return err
			}
			p.at--
			continue
		}
		if err := p.nest(&depth); err != nil {
			return err
		}
		p.tokens[p.at].text = p.env(p.text())
		found.tokens = append(found.tokens, p.token())
	}
	if depth > 0 {
		return p.errorf("the block of %s, which begins at line %d, is not closed", found.Name, found.Line)
	}
	shape := tree(found.tokens)
	found.Args, found.Block = shape.Args, shape.Block
	server.Directives = append(server.Directives, found)
	return nil
}

func (p *parser) nest(depth *int) error {
	switch p.text() {
	case "{":
		*depth++
	case "}":
		*depth--
	}
	if *depth < 0 {
		return p.errorf("a closing brace has no opening one")
	}
	if *depth >= MaxNesting {
		return p.errorf("blocks are nested deeper than the %d levels that are read", MaxNesting)
	}
	return nil
}

// valid accepts a name with an unknown placeholder: only the pod knows what it stands for.
func (p *parser) valid(name string) bool {
	return slices.Contains(p.known, name) || hasPlaceholder(name)
}
