package redact

// window counts what is in a stretch of text of a fixed length.
type window struct {
	upper, lower, digit, other int
	changes, soft              int // places where a new class begins, and where a small letter follows one
	// squares is the sum of the squares of the frequencies. Squares over length² is the probability that two
	// characters are the same; its logarithm is an entropy that Shannon's is never below.
	squares int
	counts  [256]int
}

// random tells whether a stretch of n characters looks drawn by lot: base64, base32 or base36. Names, paths and
// identifiers in camel case have long words, in which one class of characters follows the same.
func random(s string, n int) bool {
	if len(s) < n {
		return false
	}
	var w window
	for i := range len(s) {
		w.count(s[i], 1)
		w.follow(s, i, 1)
		if i >= n {
			w.count(s[i-n], -1)
			w.follow(s, i-n, -1)
		}
		if i >= n-1 && w.random(n) {
			return true
		}
	}
	return false
}

func (w *window) count(c byte, sign int) {
	if sign > 0 {
		w.squares += 2*w.counts[c] + 1
	} else {
		w.squares -= 2*w.counts[c] - 1
	}
	w.counts[c] += sign
	switch kindOf(c) {
	case lower:
		w.lower += sign
	case upper:
		w.upper += sign
	case digit:
		w.digit += sign
	default:
		w.other += sign
	}
}

// random judges one stretch. Of 40 characters of random base64, 16 are capitals, 16 change the class (a capital
// after which small letters go on does not) and 6 are small letters after small letters; the bounds are three
// deviations off or more.
func (w *window) random(n int) bool {
	if w.squares*8 > n*n {
		return n < minRandom && w.squares*6 <= n*n && w.changes*4 > n
	}
	if w.upper*7 >= n && w.lower*7 >= n {
		return w.changes*8 >= n && w.soft*20 <= 9*n
	}
	if w.other > 0 || w.upper > 0 && w.lower > 0 {
		return false
	}
	return w.digit*20 >= n && w.digit*10 <= 8*n && w.changes*10 >= n
}

// follow counts what the character at i is to the one before.
func (w *window) follow(s string, i, sign int) {
	if i == 0 {
		return
	}
	before, now := kindOf(s[i-1]), kindOf(s[i])
	switch {
	case before == lower && now == lower:
		w.soft += sign
	case before != 0 && now != 0 && before != now && (before != upper || now != lower):
		w.changes += sign
	}
}

func kindOf(c byte) uint8 {
	switch {
	case c >= 'a' && c <= 'z':
		return lower
	case c >= 'A' && c <= 'Z':
		return upper
	case c >= '0' && c <= '9':
		return digit
	}
	return 0
}

// spread tells whether no few characters make up a text: the chance that two are the same is at most 1/n.
func spread(s string, n int) bool {
	var w window
	for i := range len(s) {
		w.count(s[i], 1)
	}
	return w.squares*n <= len(s)*len(s) && w.digit > 0 && w.digit < len(s)
}
