package redact

import "strings"

// pair looks at name: DB_PASSWORD, value: … as environments have it, in either order.
func (t *text) pair(k key, i int) int {
	switch {
	case strings.EqualFold(k.raw, "name"), strings.EqualFold(k.raw, "key"):
		return t.nameThenValue(i)
	case strings.EqualFold(k.raw, "value") && k.quoted:
		return t.valueThenName(i)
	}
	return i
}

func (t *text) nameThenValue(i int) int {
	n, end := t.readName(t.gapLines(i))
	if n.trust == harmless {
		return i
	}
	at, ok := t.partner(end, "value")
	if !ok {
		return i
	}
	k := key{name: n, raw: "value", start: at - 1, colon: true, opened: true}
	k.quoted = t.s[at-1] == '"' || t.s[at-1] == ' ' && t.s[at-2] == '"'
	if !k.quoted {
		k.start = index(t.s[:at], "alue", max(0, at-12)) - 1
		k.first, k.eol = t.lineStart(k.start)
	} else {
		k.start = 0
	}
	return t.value(k, at)
}

func (t *text) valueThenName(i int) int {
	start, end, ok := t.quoted(t.gapLines(i))
	if !ok {
		return i
	}
	at, ok := t.partner(end, "name")
	if !ok {
		return i
	}
	if n, _ := t.readName(t.gapLines(at)); n.trust != harmless {
		return t.secret(key{name: n}, start, end, "")
	}
	return i
}

// readName reads a name that is itself a value, quoted or not.
func (t *text) readName(i int) (name, int) {
	for i < len(t.s) && strings.IndexByte("\\\"'", t.s[i]) >= 0 {
		i++
	}
	start := i
	for i < len(t.s) && i < start+maxName && t.class.is(t.s[i], named) {
		i++
	}
	return nameOf(t.s[start:i]), i
}

// partner finds the other half of a pair close after i and returns where its value begins.
func (t *text) partner(i int, half string) (int, bool) {
	for high := min(len(t.s), i+maxGap); i < high; i++ {
		if t.class.is(t.s[i], space) || strings.IndexByte("\"',\\", t.s[i]) >= 0 {
			continue
		}
		if n := escape(t.s, i); n > 0 && i > 0 && t.s[i] != half[0] {
			i += n - 1
			continue
		}
		break
	}
	if len(t.s) < i+len(half) || !strings.EqualFold(t.s[i:i+len(half)], half) {
		return 0, false
	}
	i += len(half)
	for i < len(t.s) && strings.IndexByte("\\\"' ", t.s[i]) >= 0 {
		i++
	}
	if i >= len(t.s) || t.s[i] != ':' && t.s[i] != '=' {
		return 0, false
	}
	return i + 1, true
}
