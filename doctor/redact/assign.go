package redact

import "strings"

// How far the examination looks: over the white space of aligned columns, along a line for what may never come,
// and over the backslashes before a newline in JSON in JSON.
const (
	maxGap   = 64
	maxLook  = 4096
	maxDepth = 16
)

// key is a name before a separator.
type key struct {
	name   name
	raw    string
	start  int
	quoted bool
	opened bool   // the quote before it is there: it is not the end of a longer string
	colon  bool   // the separator is a colon
	first  bool   // nothing but a list mark is before it on its line
	eol    string // what ends a line there: a newline, or its escape in a JSON string
}

// assignments finds the values of named settings in every notation: YAML, JSON, logs, forms, flags, XML.
func (t *text) assignments() {
	s := t.s
	for i := 0; i < len(s); {
		n := 0
		switch s[i] {
		case '=', ':', '>':
			n = 1
		case '%':
			n = match(s[i:], "%3D", "%3d", "%3A", "%3a")
		case '\\':
			n = match(s[i:], `\u003d`, `\u003D`, `\u003e`, `\u003E`)
			i += tokenAt(s, i)
		case '<':
			i += max(1, tokenAt(s, i))
			continue
		case '-':
			if strings.HasPrefix(s[i:], "--") {
				i = t.flag(i)
				continue
			}
		}
		if n == 0 || i >= len(s) {
			i++
			continue
		}
		i = t.assignment(i, n)
	}
}

func match(s string, options ...string) int {
	for _, o := range options {
		if strings.HasPrefix(s, o) {
			return len(o)
		}
	}
	return 0
}

// assignment looks at the separator of n bytes at i and returns where to go on.
func (t *text) assignment(i, n int) int {
	next := i + n
	k, ok := t.keyBefore(i)
	if !ok || !t.separates(i, next, k) {
		return next
	}
	if k.name.trust == harmless {
		return t.pair(k, next)
	}
	if closes(t.s[i:next]) {
		return t.xml(k, next)
	}
	return max(next, t.value(k, next))
}

// separates rules out what only looks like an assignment: URLs, images and their tags, := and the like.
func (t *text) separates(i, next int, k key) bool {
	s := t.s
	switch {
	case closes(s[i:next]):
		return strings.HasSuffix(s[:k.start], "<") || strings.HasSuffix(s[:k.start], `\u003c`)
	case s[i] == ':':
		if strings.HasPrefix(s[next:], "//") || strings.HasPrefix(s[next:], "=") || strings.HasPrefix(s[next:], ":") {
			return false
		}
		if k.start > 0 && (s[k.start-1] == '/' || s[k.start-1] == '@') && next < len(s) && !t.class.is(s[next], space) {
			return false
		}
		return !port(s[next:], k) && (k.quoted || k.name.trust != signature)
	}
	return true
}

// closes recognises the end of a tag.
func closes(separator string) bool {
	return separator == ">" || strings.HasSuffix(separator, "03e") || strings.HasSuffix(separator, "03E")
}

// port recognises host:port where the host is named after what it serves.
func port(s string, k key) bool {
	if k.quoted || !strings.Contains(k.raw, "-") || strings.ToLower(k.raw) != k.raw {
		return false
	}
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n >= 2 && n <= 5 && (n == len(s) || strings.IndexByte(" /,;\"'\n", s[n]) >= 0)
}

// keyBefore reads the name that ends before the separator at i.
func (t *text) keyBefore(i int) (key, bool) {
	s, k := t.s, key{colon: t.s[i] == ':' || strings.HasPrefix(t.s[i:], "%3")}
	j := t.keyEnd(i)
	if j > 0 && (s[j-1] == '"' || s[j-1] == '\'') {
		k.quoted = true
		for j--; j > 0 && s[j-1] == '\\'; {
			j--
		}
	}
	end := j
	for low := max(0, end-maxName); j > low && t.class.is(s[j-1], named); {
		j--
	}
	j = min(end, j+t.foreign(j))
	if j == end {
		return key{}, false
	}
	k.start, k.raw, k.name = j, s[j:end], nameOf(s[j:end])
	k.opened = j > 0 && (s[j-1] == '"' || s[j-1] == '\'' || s[j-1] == '[')
	if k.name.trust != harmless && !k.quoted {
		k.first, k.eol = t.lineStart(j)
	}
	return k, true
}

// keyEnd goes back from a separator over what may be between it and the name.
func (t *text) keyEnd(j int) int {
	s, i := t.s, j
	for s[i] == '\\' && j > 0 && s[j-1] == '\\' {
		j--
	}
	if j > 0 && s[i] == '=' && (s[j-1] == ':' || s[j-1] == '=') {
		j--
	}
	for low := max(0, j-maxGap); j > low && (s[j-1] == ' ' || s[j-1] == '\t'); {
		j--
	}
	if j > 0 && s[j-1] == ']' {
		j--
	}
	return j
}

// foreign counts the characters at j that belong to an escape before the name.
func (t *text) foreign(j int) int {
	if j > 0 && t.s[j-1] == '%' && j+2 <= len(t.s) && isHex(t.s[j:j+2]) {
		return 2
	}
	return escape(t.s, j)
}

// lineStart tells whether only white space and list marks are between j and the start of its line.
func (t *text) lineStart(j int) (first bool, eol string) {
	s := t.s
	if before, ok := strings.CutSuffix(s[:j], "export "); ok {
		j = len(before)
	}
	for low := max(0, j-maxGap); j > low && (s[j-1] == ' ' || s[j-1] == '\t' || s[j-1] == '-' || s[j-1] == '+'); {
		j--
	}
	if j == 0 || s[j-1] == '\n' {
		return true, "\n"
	}
	if j < 2 || s[j-1] != 'n' || s[j-2] != '\\' {
		return false, "\n"
	}
	start := j - 1
	for start > 0 && s[start-1] == '\\' && j-start < maxDepth {
		start--
	}
	return true, s[start:j]
}

// flag reads --password VALUE, also as elements of a list; --password=VALUE has a separator.
func (t *text) flag(i int) int {
	j := i + 2
	for j < len(t.s) && j < i+maxName && t.class.is(t.s[j], named) {
		j++
	}
	gap := t.between(j)
	k := key{raw: t.s[i+2 : j], start: i + 2}
	if gap > 0 {
		k.name = nameOf(k.raw)
	}
	if k.name.trust != certain || strings.HasPrefix(t.s[j+gap:], "-") {
		return max(j, i+1)
	}
	if gap == 1 {
		return t.value(k, j+gap)
	}
	end := j + gap
	for end < len(t.s) && strings.IndexByte("\"'\\\n", t.s[end]) < 0 {
		end++
	}
	return t.secret(k, j+gap, end, "")
}

// between returns the length of what separates a flag from its value: a space, or quotes and a comma.
func (t *text) between(j int) int {
	rest := t.s[j:min(len(t.s), j+maxDepth*2)]
	rest = strings.TrimRight(rest[:len(rest)-len(strings.TrimLeft(rest, `\"', `))], `\`)
	if rest == " " || strings.Contains(rest, ",") && strings.ContainsAny(rest[:1], `\"'`) {
		return len(rest)
	}
	return 0
}

func (t *text) xml(k key, start int) int {
	near := t.s[start:min(len(t.s), start+maxLook/4)]
	n := strings.Index(near, "</")
	if n < 0 {
		n = strings.Index(near, `\u003c/`)
	}
	if n < 0 {
		return start
	}
	return t.secret(k, start, start+len(strings.TrimRight(near[:n], `\`)), "")
}

// secret notes the value between start and end, unless there is nothing to hide in it, and returns where to
// go on: in the value, if it stays.
func (t *text) secret(k key, start, end int, quote string) int {
	value := t.s[start:end]
	if mute(value) {
		return end
	}
	if !k.name.covers(value) {
		return start
	}
	t.spans = append(t.spans, span{start: start, end: end, kind: k.name.kind, quote: quote})
	return end
}
