package corefile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// rewrite changes the lines of one target in one hosts block and leaves every other byte alone.
type rewrite struct {
	text   string
	block  hosts
	target target
	// own says that the block is in our key, where a missing fallthrough is ours to add.
	own   bool
	edits []edit
}

type edit struct {
	start, end int
	text       string
}

// pin makes the target's only line the one with the address.
func (r *rewrite) pin(address netip.Addr) (string, error) {
	if err := r.mustOpen(); err != nil {
		return "", err
	}
	line := ""
	if !r.settled(address) {
		r.drop(func(name string) bool { return r.target.is(name) || r.target.isDraftOf(name) })
		line = fmt.Sprintf("\n%s    %s %s", r.indent(), address, r.target.name)
	}
	through := ""
	if r.own && len(r.block.stops()) > 0 && r.block.close.file == r.block.file {
		through = addedFallthrough
	}
	if r.block.last == r.block.open {
		r.insert(r.block.open.end, line+through)
		return r.apply(), nil
	}
	r.insert(r.block.open.end, line)
	if r.block.last.file == r.block.file {
		r.insert(r.block.last.end, through)
	}
	return r.apply(), nil
}

// unpin takes the target's lines away, and with them what pin added.
func (r *rewrite) unpin() string {
	r.drop(r.target.is)
	text := r.apply()
	if r.own {
		text = strings.Replace(text, addedFallthrough, "", 1)
		text = strings.TrimPrefix(text, opening+closing)
	}
	return text
}

// mustOpen refuses a block with no place for a line of its own after the opening brace.
func (r *rewrite) mustOpen() error {
	if r.block.open.file != r.block.file {
		return &RefusedError{Reason: fmt.Sprintf("hosts in line %d of the key %s has no block to add a line to", r.block.line, r.block.key())}
	}
	rest, _, _ := strings.Cut(r.text[r.block.open.end:], "\n")
	// A comment right at the brace is none beyond its first word.
	if word := strings.TrimSpace(rest); word != "" && (rest[0] == '#' || word[0] != '#') {
		return &RefusedError{Reason: fmt.Sprintf("the block of hosts in line %d of the key %s goes on in the line of its brace; put %q in a line of its own", r.block.line, r.block.key(), word)}
	}
	return nil
}

// settled tells whether there is nothing to change: one line with the target, and with this address.
func (r *rewrite) settled(address netip.Addr) bool {
	right, others := 0, 0
	for _, e := range r.block.entries {
		for _, n := range e.names() {
			switch addr, valid := e.addr(); {
			case r.target.is(n.text) && valid && addr == address:
				right++
			case r.target.is(n.text) || r.target.isDraftOf(n.text):
				others++
			}
		}
	}
	return right == 1 && others == 0
}

// drop removes names, and with its last name a line.
func (r *rewrite) drop(unwanted func(string) bool) {
	for _, e := range r.block.entries {
		var names []token
		for _, n := range e.names() {
			if unwanted(n.text) && n.file == r.block.file {
				names = append(names, n)
			}
		}
		if len(names) == 0 {
			continue
		}
		if len(names) == len(e.names()) {
			r.cut(r.lineStart(e.words[0].start), names[len(names)-1].end)
			continue
		}
		for _, n := range names {
			r.cut(r.blankStart(n.start), n.end)
		}
	}
}

func (r *rewrite) cut(start, end int) { r.edits = append(r.edits, edit{start: start, end: end}) }

func (r *rewrite) insert(at int, text string) {
	if text != "" {
		r.edits = append(r.edits, edit{at, at, text})
	}
}

// blankStart goes back over blanks.
func (r *rewrite) blankStart(at int) int { return len(strings.TrimRight(r.text[:at], " \t")) }

// lineStart goes back over blanks and the line break before them.
func (r *rewrite) lineStart(at int) int {
	before := strings.TrimSuffix(r.text[:r.blankStart(at)], "\n")
	if len(before) < r.blankStart(at) {
		before = strings.TrimSuffix(before, "\r")
	}
	return len(before)
}

// indent is what stands before the first word of the line of the opening brace.
func (r *rewrite) indent() string {
	line := r.text[strings.LastIndex(r.text[:r.block.open.start], "\n")+1 : r.block.open.start]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// apply makes the edits from the end, so that the places of the others stay true. Of two at one place, the removal
// comes first.
func (r *rewrite) apply() string {
	slices.SortFunc(r.edits, func(a, b edit) int { return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(b.end, a.end)) })
	text := r.text
	for _, e := range r.edits {
		text = text[:e.start] + e.text + text[e.end:]
	}
	return text
}
