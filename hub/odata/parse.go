package odata

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a name, an operator or a bare value, a quoted text, or one of the marks ( ) and comma.
const (
	wordForm  = `[A-Za-z0-9_][A-Za-z0-9_./:+-]*`
	tokenForm = `^\s*(?:'((?:[^']|'')*)'|(` + wordForm + `)|([(),]))`
)

type token struct {
	text   string
	quoted bool
	mark   bool
}

// parser reads tokens from left to right; the first failure ends it.
type parser struct {
	rest   []token
	terms  int
	failed bool
}

// Parse reads a filter; an empty one lets everything pass.
func Parse(text string) (Filter, error) {
	if strings.TrimSpace(text) == "" {
		return Filter{}, nil
	}
	tokens, ok := split(text)
	if !ok {
		return Filter{}, Invalid(text)
	}
	p := &parser{rest: tokens}
	root := p.expression(0)
	if p.failed || len(p.rest) > 0 {
		return Filter{}, Invalid(text)
	}
	return Filter{root}, nil
}

func split(text string) ([]token, bool) {
	if len(text) > MaxLength || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, false // databases refuse some of these in texts
	}
	form, tokens := regexp.MustCompile(tokenForm), []token{}
	for strings.TrimSpace(text) != "" {
		at := form.FindStringSubmatchIndex(text)
		if at == nil {
			return nil, false
		}
		tokens, text = append(tokens, read(text, at)), text[at[1]:]
	}
	return tokens, true
}

func read(text string, at []int) token {
	switch {
	case at[2] >= 0:
		return token{text: strings.ReplaceAll(text[at[2]:at[3]], "''", "'"), quoted: true}
	case at[4] >= 0:
		return token{text: text[at[4]:at[5]]}
	default:
		return token{text: text[at[6]:at[7]], mark: true}
	}
}

func (p *parser) expression(depth int) *node { return p.joined("or", depth, p.conjunction) }

func (p *parser) conjunction(depth int) *node { return p.joined("and", depth, p.operand) }

func (p *parser) joined(word string, depth int, next func(int) *node) *node {
	children := []*node{next(depth)}
	for !p.failed && p.skipWord(word) {
		children = append(children, next(depth))
	}
	if len(children) == 1 {
		return children[0]
	}
	return &node{join: word, children: children}
}

func (p *parser) operand(depth int) *node {
	switch {
	case depth > maxDepth:
		return p.fail()
	case p.skipWord("not"):
		return &node{join: "not", children: []*node{p.operand(depth + 1)}}
	case p.skipMark("("):
		inner := p.expression(depth + 1)
		p.need(")")
		return inner
	default:
		return p.term()
	}
}

// term reads name op value, or name(arguments), which may be compared with true.
func (p *parser) term() *node {
	name, ok := p.word()
	if p.terms++; !ok || p.terms > maxTerms {
		return p.fail()
	}
	if p.skipMark("(") {
		return p.function(strings.ToLower(name))
	}
	op, _ := p.word()
	value, ok := p.value()
	known := []Op{Eq, Ne, Gt, Ge, Lt, Le}
	if !ok || !slices.Contains(known, Op(strings.ToLower(op))) {
		return p.fail()
	}
	return &node{term: Term{strings.ToLower(name), Op(strings.ToLower(op)), value}}
}

func (p *parser) function(name string) *node {
	arguments := p.arguments()
	if p.skipWord("eq") && !p.skipWord("true") {
		return p.fail()
	}
	term, ok := asTerm(name, arguments)
	if !ok {
		return p.fail()
	}
	return &node{term: term}
}

func (p *parser) arguments() []token {
	var all []token
	for !p.failed && !p.skipMark(")") {
		if len(all) > 0 {
			p.need(",")
		}
		if len(p.rest) == 0 || p.rest[0].mark || len(all) == 2 {
			p.fail()
			return nil
		}
		all, p.rest = append(all, p.rest[0]), p.rest[1:]
	}
	return all
}

func asTerm(name string, arguments []token) (Term, bool) {
	if name == "substringof" && len(arguments) == 2 {
		name, arguments = string(Contains), []token{arguments[1], arguments[0]}
	}
	switch {
	case slices.Contains([]Op{StartsWith, EndsWith, Contains}, Op(name)):
		fits := len(arguments) == 2 && !arguments[0].quoted && arguments[1].quoted
		if !fits {
			return Term{}, false
		}
		return Term{strings.ToLower(arguments[0].text), Op(name), arguments[1].text}, true
	case len(arguments) == 0:
		return Term{Name: name, Op: Call}, true
	default:
		return Term{name, Call, arguments[0].text}, len(arguments) == 1 && arguments[0].quoted
	}
}

func (p *parser) fail() *node {
	p.failed = true
	return &node{}
}

func (p *parser) need(mark string) {
	if !p.skipMark(mark) {
		p.fail()
	}
}

func (p *parser) skipMark(mark string) bool {
	if len(p.rest) == 0 || !p.rest[0].mark || p.rest[0].text != mark {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) skipWord(word string) bool {
	if len(p.rest) == 0 || p.rest[0].mark || p.rest[0].quoted || !strings.EqualFold(p.rest[0].text, word) {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) word() (string, bool) {
	if len(p.rest) == 0 || p.rest[0].mark || p.rest[0].quoted {
		return "", false
	}
	text := p.rest[0].text
	p.rest = p.rest[1:]
	return text, true
}

func (p *parser) value() (string, bool) {
	if len(p.rest) == 0 || p.rest[0].mark {
		return "", false
	}
	text := p.rest[0].text
	p.rest = p.rest[1:]
	return text, true
}
