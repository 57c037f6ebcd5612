package corefile

// tree gives the words of a directive their shape: lines with arguments, each of which may open a block.
func tree(tokens []token) Directive {
	c := cursor{tokens: tokens, at: 0}
	return branch(&c)
}

// branch reads one line at the cursor. Its depth is bounded by the parser, which has counted the braces.
func branch(c *cursor) Directive {
	first := c.token()
	found := Directive{Name: first.text, File: first.file, Line: first.line}
	for c.next() {
		switch {
		case c.text() == "{":
			found.Block = append(found.Block, branches(c)...)
		case c.text() == "}" || c.startsLine():
			c.at--
			return found
		default:
			found.Args = append(found.Args, c.text())
		}
	}
	return found
}

// branches reads the lines of a block up to its closing brace.
func branches(c *cursor) []Directive {
	var found []Directive
	for c.next() && c.text() != "}" {
		if c.text() == "{" {
			found = append(found, branches(c)...)
			continue
		}
		found = append(found, branch(c))
	}
	return found
}
