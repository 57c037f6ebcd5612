package explain

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalise leaves of a text what does not change on its way through a page and a clipboard: letters
// and digits in compatibility form and lower case, words parted by one space, none beside Chinese.
func normalise(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	last, gap := rune(0), false
	for _, r := range norm.NFKC.String(strings.ToValidUTF8(text, " ")) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			gap = true
			continue
		}
		if gap && last != 0 && !unicode.Is(unicode.Han, last) && !unicode.Is(unicode.Han, r) {
			b.WriteByte(' ')
		}
		last, gap = unicode.ToLower(r), false
		b.WriteRune(last)
	}
	return b.String()
}

// weigh measures how much a normalised text says, in letters; a Chinese character is worth about
// three of them and a Korean syllable two.
func weigh(plain string) int {
	weight := 0
	for _, r := range plain {
		switch {
		case unicode.Is(unicode.Han, r):
			weight += 3
		case unicode.Is(unicode.Hangul, r):
			weight += 2
		case r != ' ':
			weight++
		}
	}
	return weight
}

// split takes a normalised text apart into words, and into pairs of characters where a script does
// not part words or glues particles to them; each once, sorted.
func split(plain string) []string {
	var grams []string
	for word := range strings.FieldsSeq(plain) {
		grams = append(grams, splitWord(word)...)
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

func splitWord(word string) []string {
	var grams []string
	start, last := 0, 0
	for at, r := range word {
		same := at > 0 && dense(r) == dense(first(word[last:]))
		switch {
		case at > 0 && !same:
			grams = appendRun(grams, word[start:at])
			start = at
		case same && dense(r):
			grams = append(grams, word[last:at+utf8.RuneLen(r)])
		}
		last = at
	}
	return appendRun(grams, word[start:])
}

// appendRun adds a run of letters as one word, or a lone character that is in no pair.
func appendRun(grams []string, run string) []string {
	if run == "" || dense(first(run)) && utf8.RuneCountInString(run) > 1 {
		return grams
	}
	return append(grams, run)
}

func first(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

// dense reports whether a character is of a script whose words are not parted by spaces alone.
func dense(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hangul) }

// holds reports whether a normalised text holds a phrase that neither begins nor ends within a word.
func holds(plain, phrase string) bool {
	for from := 0; ; {
		at := strings.Index(plain[from:], phrase)
		if at < 0 {
			return false
		}
		start, end := from+at, from+at+len(phrase)
		before, _ := utf8.DecodeLastRuneInString(plain[:start])
		last, _ := utf8.DecodeLastRuneInString(phrase)
		if !joined(before, first(phrase)) && !joined(last, first(plain[end:])) {
			return true
		}
		from = end
	}
}

func joined(a, b rune) bool { return inWord(a) && inWord(b) }

func inWord(r rune) bool { return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !dense(r) }
