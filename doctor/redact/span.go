package redact

import (
	"slices"
	"strings"
	"unicode"
)

const (
	tokenStart = "<redacted:"
	userStart  = "redacted-"
	digitCount = 6
)

// text is one text under examination.
type text struct {
	s     string
	class *classes
	spans []span
	// public are blocks such as certificates, whose content is random and harmless.
	public []span
}

// span is a part of a text that holds a secret.
type span struct {
	start, end int
	kind       string
	// shape says that the secret was recognised by itself, which tells more than the name before it.
	shape bool
	// quote goes around the token where a bare number or word stood in JSON.
	quote string
}

func (t *text) add(start, end int, kind string) {
	if start < end {
		t.spans = append(t.spans, span{start: start, end: end, kind: kind})
	}
}

func (t *text) addShape(start, end int, kind string) {
	t.spans = append(t.spans, span{start: start, end: end, kind: kind, shape: true})
}

// settle sorts spans, makes one of those that overlap, and takes out the tokens that are there already.
func settle(s string, spans []span) []span {
	if len(spans) == 0 {
		return nil
	}
	slices.SortStableFunc(spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	merged := spans[:1]
	for _, next := range spans[1:] {
		last := &merged[len(merged)-1]
		if next.start >= last.end {
			merged = append(merged, next)
			continue
		}
		last.absorb(next)
	}
	return cut(s, merged)
}

func (p *span) absorb(next span) {
	if next.start == p.start && next.end == p.end && next.shape && p.kind != kindURL {
		p.kind, p.shape = next.kind, true
	}
	if next.end > p.end {
		p.end = next.end
		if p.kind == kindURL {
			p.kind = next.kind
		}
	}
}

// cut leaves of each span what lies between the tokens in it.
func cut(s string, spans []span) []span {
	there := tokens(s)
	if len(there) == 0 {
		return spans
	}
	var out []span
	for _, p := range spans {
		for len(there) > 0 && there[0].end <= p.start {
			there = there[1:]
		}
		if p.kind == kindURL || len(there) == 0 || there[0].start >= p.end {
			out = append(out, p)
			continue
		}
		out = append(out, between(s, p, there)...)
	}
	return out
}

// between returns the pieces of a span that are in no token and not punctuation alone.
func between(s string, p span, there []span) []span {
	var out []span
	start := p.start
	piece := func(end int) {
		if start < end && tells(s[start:end]) {
			out = append(out, span{start: start, end: end, kind: p.kind})
		}
	}
	for _, token := range there {
		if token.start >= p.end {
			break
		}
		piece(token.start)
		start = max(start, token.end)
	}
	piece(p.end)
	return out
}

// tokens finds what was redacted already.
func tokens(s string) []span {
	var out []span
	for i := index(s, tokenStart[1:], 0); i < len(s); i = index(s, tokenStart[1:], i+1) {
		for _, bracket := range []string{"<", `\u003c`} {
			start := i - len(bracket)
			if start < 0 {
				continue
			}
			if n := tokenAt(s, start); n > 0 {
				out = append(out, span{start: start, end: start + n})
			}
		}
	}
	return out
}

func tells(piece string) bool {
	return strings.ContainsFunc(piece, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) })
}

// tokenAt returns the length of the token at i, or 0. JSON writers may have escaped its brackets.
func tokenAt(s string, i int) int {
	rest := s[i:]
	body, ok := strings.CutPrefix(rest, "<")
	if !ok {
		body, ok = strings.CutPrefix(rest, `\u003c`)
	}
	if !ok {
		return 0
	}
	body, ok = strings.CutPrefix(body, tokenStart[1:])
	if !ok {
		return 0
	}
	colon := strings.IndexByte(body[:min(len(body), 32)], ':')
	if colon < 0 || len(body) < colon+1+digitCount || !known(body[:colon]) || !hexLower(body[colon+1:colon+1+digitCount]) {
		return 0
	}
	body = body[colon+1+digitCount:]
	if after, ok := strings.CutPrefix(body, ">"); ok {
		return len(rest) - len(after)
	}
	if after, ok := strings.CutPrefix(body, `\u003e`); ok {
		return len(rest) - len(after)
	}
	return 0
}

// onlyTokens tells whether a value was redacted before.
func onlyTokens(s string) bool {
	i := 0
	for i < len(s) {
		n := tokenAt(s, i)
		if n == 0 {
			return false
		}
		i += n
	}
	return i > 0
}

func hexLower(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}
