package redact

import "strings"

// manifests finds Secrets in JSON and YAML: all of their data goes, whatever its names. Where a document has a
// Secret and other objects, the data of the others goes too.
func (t *text) manifests() {
	for from := 0; from < len(t.s); {
		to := index(t.s, "\n---", from+1)
		if t.hasSecret(from, to) {
			t.document(from, to)
		}
		from = to
	}
}

func (t *text) document(from, to int) {
	for i := index(t.s[:to], "ata", from); i < to; i = index(t.s[:to], "ata", i+1) {
		end := i + len("ata")
		start := end - t.dataName(end)
		if start == end {
			continue
		}
		if start > 0 && t.class.is(t.s[start-1], named) && escape(t.s, start-1) != 1 {
			continue
		}
		i = max(i, t.data(start, end))
	}
}

func (t *text) dataName(end int) int {
	switch {
	case strings.HasSuffix(t.s[:end], "stringData"):
		return len("stringData")
	case strings.HasSuffix(t.s[:end], "data"):
		return len("data")
	}
	return 0
}

// hasSecret looks for kind: Secret in any notation.
func (t *text) hasSecret(from, to int) bool {
	for i := index(t.s[:to], "Secret", from); i < to; i = index(t.s[:to], "Secret", i+1) {
		end := i + len("Secret")
		if end < len(t.s) && t.class.is(t.s[end], lower|upper) && !strings.HasPrefix(t.s[end:], "List") {
			continue
		}
		before := strings.TrimRight(t.s[max(0, i-maxGap):i], " \t\r\n\"'\\")
		before, ok := strings.CutSuffix(before, ":")
		if ok && strings.HasSuffix(strings.TrimRight(before, " \t\"'\\"), "kind") {
			return true
		}
	}
	return false
}

// skip goes beyond all of the given characters.
func (t *text) skip(i int, these string) int {
	for i < len(t.s) && strings.IndexByte(these, t.s[i]) >= 0 {
		i++
	}
	return i
}

// data notes the values under a name that ends at end and returns where to go on.
func (t *text) data(start, end int) int {
	i := end
	i = t.gapLines(t.skip(i, `\"'`))
	if i >= len(t.s) || t.s[i] != ':' {
		return end
	}
	i = t.gap(i + 1)
	if i < len(t.s) && t.s[i] == '{' {
		return t.object(i + 1)
	}
	first, eol := t.lineStart(start)
	if !first || i < len(t.s) && t.s[i] != '\r' && !strings.HasPrefix(t.s[i:], eol) && !strings.HasPrefix(t.s[i:], eol[:len(eol)-1]+"r") {
		if open := t.gapLines(i); open < len(t.s) && t.s[open] == '{' {
			return t.object(open + 1)
		}
		return end
	}
	if open := t.gapLines(i); open < len(t.s) && t.s[open] == '{' {
		return t.object(open + 1)
	}
	return t.mapping(t.nextLine(i, eol), t.indent(start, eol), eol)
}

// object notes the strings after colons up to the brace that closes.
func (t *text) object(i int) int {
	colon := false
	for i < len(t.s) && t.s[i] != '}' {
		start, end, ok := t.quoted(i)
		switch {
		case ok && colon:
			t.data64(start, end)
			i = end
			i = t.skipQuote(i)
			colon = false
		case ok:
			i = t.skipQuote(end)
		default:
			colon = t.s[i] == ':' || colon && t.class.is(t.s[i], space)
			i++
		}
	}
	return i
}

func (t *text) skipQuote(i int) int {
	for i < len(t.s) && t.s[i] == '\\' {
		i++
	}
	return min(len(t.s), i+1)
}

func (t *text) data64(start, end int) {
	if !mute(t.s[start:end]) {
		t.add(start, end, kindSecretData)
	}
}

// mapping notes the values of the lines that are deeper than depth.
func (t *text) mapping(i, depth int, eol string) int {
	for i < len(t.s) {
		stop := t.lineEnd(i, eol)
		blank := t.blank(i, stop)
		if blank < stop && blank-i <= depth {
			return i
		}
		start, end := t.content(blank, stop)
		if !blockMark(t.s[start:end]) {
			t.data64(start, end)
		}
		i = max(t.nextLine(stop, eol), i+1)
	}
	return i
}

// content returns the value on a line of YAML, or all of the line in a block.
func (t *text) content(start, stop int) (from, to int) {
	if colon := strings.Index(t.s[start:stop], ":"); colon >= 0 && plainKey(t.s[start:start+colon]) {
		start = t.blank(start+colon+1, stop)
	}
	start = min(stop, t.skip(start, `\"'`))
	return start, start + len(strings.TrimRight(t.s[start:stop], " \t\r\\\"'"))
}

func plainKey(s string) bool {
	s = strings.Trim(s, `\"'`)
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '_' && c != '.' && kindOf(c) == 0 {
			return false
		}
	}
	return s != ""
}
