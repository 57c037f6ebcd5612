package redact

import "strings"

// folded notes a value that stands on the line under its name.
func (t *text) folded(k key, i int) int {
	next := t.nextLine(i, k.eol)
	if !k.first || !k.colon || next >= len(t.s) || t.structured(next, k.eol) {
		return i
	}
	return t.below(k, i)
}

// below notes the lines under a YAML name that are deeper than it.
func (t *text) below(k key, i int) int {
	next := t.nextLine(i, k.eol)
	start, end := t.deeper(next, t.indent(k.start, k.eol), k.eol)
	return max(i, t.secret(k, start, end, ""))
}

// nextLine returns where the line after the one of i begins, or the end of the text if there is none.
func (t *text) nextLine(i int, eol string) int {
	end := t.lineEnd(i, eol)
	for _, mark := range []string{eol, strings.TrimSuffix(eol, "n") + "r" + eol} {
		if eol != "\n" && strings.HasPrefix(t.s[end:], mark) {
			return end + len(mark)
		}
	}
	if eol == "\n" && end < len(t.s) {
		return end + 1
	}
	return len(t.s)
}

// indent returns the column of a name; the mark of a list counts as white space.
func (t *text) indent(start int, eol string) int {
	low := max(0, start-maxGap*2)
	if n := strings.LastIndex(t.s[low:start], eol); n >= 0 {
		return start - low - n - len(eol)
	}
	return start - low
}

// deeper returns the lines from i on whose indentation is more than depth, without the space around them.
func (t *text) deeper(i, depth int, eol string) (start, end int) {
	start = -1
	for i < len(t.s) {
		stop := t.lineEnd(i, eol)
		blank := t.blank(i, stop)
		if blank < stop && blank-i <= depth {
			break
		}
		if blank < stop {
			if start < 0 {
				start = blank
			}
			end = stop
		}
		i = t.nextLine(stop, eol)
	}
	if start < 0 {
		return 0, 0
	}
	for end > start && t.class.is(t.s[end-1], space) {
		end--
	}
	return start, end
}

// blank returns the end of the white space at i.
func (t *text) blank(i, stop int) int {
	for i < stop && t.class.is(t.s[i], space) {
		i++
	}
	return i
}

// structured tells a mapping or a list from a value that was folded.
func (t *text) structured(i int, eol string) bool {
	first := strings.TrimSpace(t.s[i:t.lineEnd(i, eol)])
	return first == "" || first == "-" || strings.HasPrefix(first, "- ") || strings.Contains(first, ": ") || strings.HasSuffix(first, ":") || strings.HasPrefix(first, "{")
}
