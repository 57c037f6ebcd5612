package corefile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word, with the bytes of its file that it takes up, quotes included.
type token struct {
	file, text string
	line       int
	start, end int
}

// lastLine is where a word ends: a quoted one may span lines.
func (t token) lastLine() int { return t.line + strings.Count(t.text, "\n") }

// scan cuts a text into words. Words end at white space, # starts a comment, and quotes matter only at the beginning of
// a word, where an unclosed one takes all that follows.
func scan(file, text string) []token {
	s := scanner{file: file, text: text, line: 1}
	if strings.HasPrefix(text, "\uFEFF") {
		s.at = len("\uFEFF")
	}
	var tokens []token
	for {
		t, found := s.next()
		if !found {
			return tokens
		}
		tokens = append(tokens, t)
	}
}

type scanner struct {
	file, text string
	at, line   int
}

func (s *scanner) next() (token, bool) {
	s.skip()
	if s.at >= len(s.text) {
		return token{}, false
	}
	t := token{file: s.file, line: s.line, start: s.at}
	if s.text[s.at] == '"' {
		return s.quoted(t)
	}
	return s.plain(t), true
}

// skip passes over white space and comments.
func (s *scanner) skip() {
	for comment := false; s.at < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		switch {
		case r == '\n':
			s.line++
			comment = false
		case r == '#':
			comment = true
		case !comment && !unicode.IsSpace(r):
			return
		}
		s.at += size
	}
}

// plain reads an unquoted word. A carriage return neither ends it nor belongs to it. A comment that begins inside the
// word ends with the next white space, and what follows is words again: that is how CoreDNS reads it.
func (s *scanner) plain(t token) token {
	var word strings.Builder
	comment := false
	t.end = s.at
	for s.at < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		if r != '\r' && unicode.IsSpace(r) {
			break
		}
		comment = comment || r == '#'
		s.at += size
		if !comment && r != '\r' {
			word.WriteRune(r)
			t.end = s.at
		}
	}
	t.text = word.String()
	return t
}

// quoted reads a word in quotes, where a backslash protects a quote and nothing else.
func (s *scanner) quoted(t token) (token, bool) {
	var word strings.Builder
	escaped := false
	for s.at++; s.at < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		s.at += size
		if r == '"' && !escaped {
			t.text, t.end = word.String(), s.at
			return t, true
		}
		if r == '\n' {
			s.line++
		}
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		if escaped && r != '"' {
			word.WriteByte('\\')
		}
		word.WriteRune(r)
		escaped = false
	}
	t.text, t.end = word.String(), s.at
	return t, t.text != ""
}
