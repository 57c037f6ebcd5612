package corefile

import "strings"

// env puts the known values of {%X%} and {$X} in place.
func (p *parser) env(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return p.substitute(p.substitute(text, "{%", "%}"), "{$", "}")
}

// substitute passes over the text once, so that a value that looks like a placeholder cannot go on for ever.
func (p *parser) substitute(text, begin, end string) string {
	var done strings.Builder
	for {
		before, after, found := strings.Cut(text, begin)
		name, rest, closed := strings.Cut(after, end)
		if !found || !closed || name == "" {
			return done.String() + text
		}
		done.WriteString(before)
		if value, known := p.from.Env[name]; known {
			done.WriteString(value)
		} else {
			done.WriteString(begin + name + end)
		}
		text = rest
	}
}

// hasPlaceholder tells whether a word still holds a value that only the pod knows.
func hasPlaceholder(word string) bool {
	for _, kind := range [][2]string{{"{%", "%}"}, {"{$", "}"}} {
		_, after, found := strings.Cut(word, kind[0])
		if found && strings.Index(after, kind[1]) > 0 {
			return true
		}
	}
	return false
}
