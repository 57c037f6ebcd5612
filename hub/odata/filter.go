// Package odata reads the part of OData's $filter that clients of the hub use: comparisons, a few functions,
// "and", "or", "not" and parentheses. What is read is bounded in length, terms and depth; what is not understood
// is refused, since a filter that is ignored shows too much.
package odata

import (
	"slices"

	"github.com/fairlead/fairlead"
)

// The bounds of a filter. They are far above what clients send.
const (
	MaxLength = 4096
	maxTerms  = 64
	maxDepth  = 16
)

// Op is what a term does with its property. Names of functions are operators too.
type Op string

// The operators. Contains also stands for substringof, whose arguments come the other way round; Call is a
// function of the hub's own vocabulary, such as atScope().
const (
	Eq         Op = "eq"
	Ne         Op = "ne"
	Gt         Op = "gt"
	Ge         Op = "ge"
	Lt         Op = "lt"
	Le         Op = "le"
	StartsWith Op = "startswith"
	EndsWith   Op = "endswith"
	Contains   Op = "contains"
	Call       Op = "call"
)

// Term is one comparison or function. Name is in lower case; Value is what was between the quotes.
type Term struct {
	Name  string
	Op    Op
	Value string
}

// Filter is a filter that has been read. The zero value lets everything pass.
type Filter struct{ root *node }

type node struct {
	term     Term
	join     string // and, or, not; empty for a term
	children []*node
}

// Match reports whether the filter lets something pass of which holds says which terms are true.
func (f Filter) Match(holds func(Term) bool) bool { return f.root == nil || f.root.match(holds) }

func (n *node) match(holds func(Term) bool) bool {
	test := func(child *node) bool { return child.match(holds) }
	switch n.join {
	case "and":
		return !slices.ContainsFunc(n.children, func(child *node) bool { return !test(child) })
	case "or":
		return slices.ContainsFunc(n.children, test)
	case "not":
		return !test(n.children[0])
	default:
		return holds(n.term)
	}
}

// Terms returns all terms, in their order.
func (f Filter) Terms() []Term {
	var all []Term
	if f.root != nil {
		f.root.visit(func(term Term) { all = append(all, term) })
	}
	return all
}

func (n *node) visit(see func(Term)) {
	if n.join == "" {
		see(n.term)
	}
	for _, child := range n.children {
		child.visit(see)
	}
}

// Required returns the terms that must hold for anything to pass: those that are joined by nothing but "and".
// A caller may narrow its search by them.
func (f Filter) Required() []Term {
	switch {
	case f.root == nil:
		return nil
	case f.root.join == "":
		return []Term{f.root.term}
	case f.root.join != "and":
		return nil
	}
	var required []Term
	for _, child := range f.root.children {
		required = append(required, Filter{child}.Required()...)
	}
	return required
}

// Invalid is the refusal of a filter, in Azure's words.
func Invalid(text string) error {
	return fairlead.Errorf(fairlead.Invalid, "Invalid $filter '%.200s' specified in the query string.", text).WithCode("InvalidFilterInQueryString")
}
