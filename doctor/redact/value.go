package redact

import "strings"

// value notes the value that begins at or after i, and returns where to go on.
func (t *text) value(k key, i int) int {
	s := t.s
	i = t.valueStart(k, i)
	if i < len(s) && s[i] == '>' && i > 0 && s[i-1] == '=' { // =>
		i = t.valueStart(k, i+1)
	}
	if i+1 < len(s) && (s[i] == 'b' || s[i] == 'u') && (s[i+1] == '"' || s[i+1] == '\'') {
		i++
	}
	if start, end, ok := t.quoted(i); ok {
		return t.inQuotes(k, start, end)
	}
	if i >= len(s) || k.quoted && !k.opened || s[i] == '{' && !strings.HasPrefix(s[i:], "{{") {
		return i
	}
	if s[i] == '\n' || s[i] == '\r' || k.first && strings.HasPrefix(s[i:], k.eol) {
		return t.folded(k, i)
	}
	if s[i] == '[' {
		return t.list(k, i+1)
	}
	return t.bare(k, i)
}

// gap returns the end of the white space at i, on the same line.
func (t *text) gap(i int) int {
	for high := min(len(t.s), i+maxGap); i < high && (t.s[i] == ' ' || t.s[i] == '\t'); {
		i++
	}
	return i
}

// gapLines returns the end of the white space at i, which may go over lines.
func (t *text) gapLines(i int) int { return t.blank(i, min(len(t.s), i+maxGap)) }

// valueStart returns the end of the white space before a value. JSON may break the line there.
func (t *text) valueStart(k key, i int) int {
	if k.quoted {
		return t.gapLines(i)
	}
	return t.gap(i)
}

// quoted returns the content of the string that opens at i, behind as many backslashes as there are. A string
// that does not close reaches to the end of its line.
func (t *text) quoted(i int) (start, end int, ok bool) {
	s := t.s
	open := i
	for i < len(s) && s[i] == '\\' {
		i++
	}
	if i >= len(s) || s[i] != '"' && s[i] != '\'' && s[i] != '`' {
		return 0, 0, false
	}
	return i + 1, t.closing(i+1, s[i], i-open), true
}

// closing finds the quote that ends a string whose opening had so many backslashes: one with fewer belongs to
// a string around it, one with more to a string within.
func (t *text) closing(i int, quote byte, depth int) int {
	s, slashes := t.s, 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			slashes++
			continue
		case '\n':
			if !strings.HasPrefix(s[i:], "\n ") && quote != '`' {
				return i
			}
		case quote:
			if quote == '\'' && depth == 0 && i+1 < len(s) && s[i+1] == '\'' {
				i++
				break
			}
			if slashes < depth || (slashes-depth)%(2*(depth+1)) == 0 || quote == '`' {
				return i - min(slashes, depth)
			}
		}
		slashes = 0
	}
	return i
}

// inQuotes notes a quoted value. After a header's name the scheme stays.
func (t *text) inQuotes(k key, start, end int) int {
	if k.name.trust == header {
		start = t.scheme(start, end)
	}
	return t.secret(k, start, end, "")
}

// scheme returns where the credentials of a header begin.
func (t *text) scheme(start, end int) int {
	i := start
	for i < end && t.class.is(t.s[i], lower|upper) {
		i++
	}
	if i > start && i < end && t.s[i] == ' ' {
		return t.gap(i)
	}
	return start
}

// list notes the strings of a JSON list, or what stands between plain brackets.
func (t *text) list(k key, i int) int {
	for {
		i = t.gapLines(i)
		start, end, ok := t.quoted(i)
		if !ok {
			break
		}
		if next := t.inQuotes(k, start, end); next < end {
			return next
		}
		i = t.gapLines(t.skip(end, "\\\"'`"))
		if i >= len(t.s) || t.s[i] != ',' {
			return i
		}
		i++
	}
	return t.inQuotes(k, i, i+until(t.s[i:], "]\n\""))
}

// bare notes a value without quotes.
func (t *text) bare(k key, i int) int {
	end := t.bareEnd(k, i)
	switch {
	case k.name.trust == header:
		return t.headerValue(k, i)
	case k.first && k.colon && blockMark(t.s[i:end]):
		return t.below(k, end)
	case k.colon && !k.first && !k.quoted && t.prose(k, i):
		return i
	}
	quote := ""
	if k.quoted && k.colon && k.start > 0 && t.s[k.start-1] == '"' {
		quote = t.keyQuote(k)
	}
	return t.secret(k, i, end, quote)
}

// keyQuote repeats the quote of a JSON name, with its backslashes.
func (t *text) keyQuote(k key) string {
	start := k.start - 1
	for start > 0 && t.s[start-1] == '\\' {
		start--
	}
	return t.s[start:k.start]
}

func (t *text) bareEnd(k key, i int) int {
	switch {
	case k.quoted && k.colon:
		return i + until(t.s[i:], ",}] \t\r\n\"\\")
	case k.name.trust == likely || k.name.trust == encoded:
		return t.narrow(i, min(len(t.s), i+maxName*2))
	case k.name.trust == line:
		return t.wide(k, i)
	case k.first && k.colon, k.first && !t.more(i):
		return t.wide(k, i)
	}
	return t.narrow(i, len(t.s))
}

func until(s, stops string) int {
	if n := strings.IndexAny(s, stops); n >= 0 {
		return n
	}
	return len(s)
}

// wide goes to the end of the line, or of the string in which the line is escaped.
func (t *text) wide(k key, i int) int {
	end := 0
	if k.first {
		end = t.lineEnd(i, k.eol)
	} else {
		end = i + until(t.s[i:], "\n\"")
		for _, mark := range []string{`\n`, `\r`} {
			end = i + index(t.s[i:end], mark, 0)
		}
		end = i + len(strings.TrimRight(t.s[i:end], `\`))
	}
	for end > i && t.class.is(t.s[end-1], space) {
		end--
	}
	return end
}

// lineEnd returns where the line that i is on ends. A line in a JSON string also ends where that string does:
// at a quote with fewer backslashes than the newline has.
func (t *text) lineEnd(i int, eol string) int {
	if eol == "\n" {
		return index(t.s, eol, i)
	}
	slashes := 0
	for ; i < len(t.s); i++ {
		switch c := t.s[i]; {
		case c == '\\':
			slashes++
			continue
		case c == '\n', c == '"' && slashes < len(eol)-1, (c == 'n' || c == 'r') && slashes == len(eol)-1:
			return i - slashes
		}
		slashes = 0
	}
	return i
}

// more tells whether further settings follow on the line.
func (t *text) more(i int) bool {
	rest := t.s[i:min(len(t.s), i+maxLook)]
	rest = rest[:min(until(rest, "\n\""), index(rest, `\n`, 0))]
	for {
		blank := strings.IndexByte(rest, ' ')
		if blank < 0 {
			return false
		}
		rest = rest[blank+1:]
		if t.assigns(rest) {
			return true
		}
	}
}

// assigns tells whether a text begins with a name and a separator.
func (t *text) assigns(s string) bool {
	i := 0
	for i < len(s) && i < maxName && t.class.is(s[i], named) {
		i++
	}
	return i > 0 && i < len(s) && (s[i] == '=' || s[i] == ':')
}
