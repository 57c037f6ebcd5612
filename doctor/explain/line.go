package explain

import (
	"iter"
	"strings"
	"unicode/utf8"
)

const (
	// What tells a message that a terminal or a page wrapped from a log.
	maxWrapped      = 8 << 10
	maxWrappedLines = 20
)

// lines yields the lines of a text that say something, each cut where it is too long to read.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimSpace(line)
			if len(line) > maxLine {
				line = strings.ToValidUTF8(line[:maxLine], "")
			}
			if line != "" && !yield(line) {
				return
			}
		}
	}
}

// unwrap makes one line of a short text, so that a message is found that was broken into lines.
func unwrap(text string) (string, bool) {
	text = strings.TrimSpace(text)
	breaks := strings.Count(text, "\n")
	if breaks == 0 || breaks > maxWrappedLines || len(text) > maxWrapped {
		return "", false
	}
	return strings.Join(strings.Fields(text), " "), true
}

// cleaner undoes what JSON, web pages and word processors do to a message.
func cleaner() *strings.Replacer {
	return strings.NewReplacer(
		`\"`, `"`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\n`, " ", `\t`, " ", "&quot;", `"`, "&lt;", "<", "&gt;", ">",
		"“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", "\u00a0", " ", "\u3000", " ", "：", ":", "，", ",", "（", "(", "）", ")",
	)
}

func shorten(text string) string {
	if len(text) <= maxEvidence {
		return text
	}
	cut := maxEvidence
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
