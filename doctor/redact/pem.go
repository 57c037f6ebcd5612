package redact

import "strings"

const (
	pemBegin   = "-----BEGIN "
	pemEnd     = "-----END "
	privateKey = "PRIVATE KEY"
	pemLabel   = 64       // the longest label of a block that is looked for
	pemBlock   = 64 << 10 // the longest private key that is taken out with what is between its marks
)

// keys finds PEM blocks: private keys go, also cut off ones, and certificates are noted as public.
func (t *text) keys() {
	begin, end := -1, -1 // the first markers that are not before at; looked for once, however many lack their counterpart
	done := 0
	for at := 0; ; {
		if begin < at {
			begin = index(t.s, pemBegin, at)
		}
		if end < at {
			end = index(t.s, pemEnd, at)
		}
		if end < begin {
			t.tail(done, end)
			at = end + len(pemEnd)
			continue
		}
		if begin == len(t.s) {
			return
		}
		at = t.block(begin, end)
		done = at
	}
}

// index is strings.Index from a place on, with the length of the text for what is not there.
func index(s, part string, from int) int {
	if from < len(s) {
		if i := strings.Index(s[from:], part); i >= 0 {
			return from + i
		}
	}
	return len(s)
}

func (t *text) block(begin, end int) int {
	head := begin + len(pemBegin)
	label, ok := pemName(t.s[head:])
	if !ok {
		return head
	}
	body := head + len(label) + len("-----")
	stop, closed := t.pemBody(body), false
	if end < len(t.s) && end-begin < pemBlock && index(t.s[:end], pemBegin, head) == end {
		if name, ok := pemName(t.s[end+len(pemEnd):]); ok && name == label {
			stop, closed = end+len(pemEnd)+len(name)+len("-----"), true
		}
	}
	if strings.Contains(label, privateKey) {
		t.addShape(begin, stop, kindPrivateKey)
		return stop
	}
	if closed && t.pemBody(body) == end {
		t.public = append(t.public, span{start: begin, end: stop})
		return stop
	}
	return head
}

// pemName reads the label before the five dashes.
func pemName(s string) (string, bool) {
	name, _, ok := strings.Cut(s[:min(len(s), pemLabel)], "-----")
	return name, ok
}

// pemBody returns where what can be the content of a block ends.
func (t *text) pemBody(i int) int {
	for i < len(t.s) {
		if t.s[i] == '\\' {
			next := t.skip(i, `\`)
			if next >= len(t.s) || strings.IndexByte("nr/", t.s[next]) < 0 {
				return i
			}
			i = next
		}
		if !t.class.is(t.s[i], lower|upper|digit|space) && strings.IndexByte("+/=", t.s[i]) < 0 {
			return i
		}
		i++
	}
	return i
}

// tail finds the rest of a private key whose beginning is elsewhere.
func (t *text) tail(from, end int) {
	name, ok := pemName(t.s[end+len(pemEnd):])
	if !ok || !strings.Contains(name, privateKey) {
		return
	}
	start := end
	for start > from {
		if t.class.is(t.s[start-1], lower|upper|digit) || strings.IndexByte("+/=\\\r\n", t.s[start-1]) >= 0 {
			start--
			continue
		}
		before := from + len(strings.TrimRight(t.s[from:start], " \t"))
		if first, _ := t.lineStart(before); !first || before == start {
			break
		}
		start = before
	}
	t.addShape(start, end+len(pemEnd)+len(name)+len("-----"), kindPrivateKey)
}
