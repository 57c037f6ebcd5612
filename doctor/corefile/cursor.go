package corefile

// cursor walks over words and knows which of them share a line. Words of two files never do, and those that an import
// put in place keep the line numbers of where they were written, as in CoreDNS.
type cursor struct {
	tokens []token
	at     int
}

func (c *cursor) next() bool {
	if c.at >= len(c.tokens)-1 {
		return false
	}
	c.at++
	return true
}

// nextArg moves on if the next word is on the same line.
func (c *cursor) nextArg() bool {
	if c.at < 0 || c.at >= len(c.tokens)-1 {
		return c.at < 0 && c.next()
	}
	here, there := c.tokens[c.at], c.tokens[c.at+1]
	if here.file != there.file || here.lastLine() != there.line {
		return false
	}
	c.at++
	return true
}

// args reads the rest of the line up to the opening of a block.
func (c *cursor) args() []token {
	var args []token
	for c.nextArg() {
		if c.text() == "{" {
			c.at--
			break
		}
		args = append(args, c.tokens[c.at])
	}
	return args
}

func (c *cursor) text() string { return c.token().text }

func (c *cursor) token() token {
	if c.at < 0 || c.at >= len(c.tokens) {
		return token{}
	}
	return c.tokens[c.at]
}

func (c *cursor) startsLine() bool {
	if c.at < 1 {
		return true
	}
	if c.at >= len(c.tokens) {
		return false
	}
	before, here := c.tokens[c.at-1], c.tokens[c.at]
	return before.file != here.file || before.lastLine() < here.line
}

func texts(tokens []token) []string {
	var words []string
	for _, t := range tokens {
		words = append(words, t.text)
	}
	return words
}
