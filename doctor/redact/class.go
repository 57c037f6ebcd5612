package redact

// Classes of bytes, as bits.
const (
	lower uint8 = 1 << iota
	upper
	digit
	word  // may be part of a credential
	named // may be part of a setting's name
	space
)

// classes are the tables that the examination of a text needs, made once.
type classes struct {
	of     [256]uint8
	shapes [256][]shape // by the first character of their mark
}

func newClasses() classes {
	var t classes
	for _, sh := range shapes() {
		t.shapes[sh.mark[0]] = append(t.shapes[sh.mark[0]], sh)
	}
	c := &t.of
	for b := byte('a'); b <= 'z'; b++ {
		c[b] = lower | word | named
	}
	for b := byte('A'); b <= 'Z'; b++ {
		c[b] = upper | word | named
	}
	for b := byte('0'); b <= '9'; b++ {
		c[b] = digit | word | named
	}
	for _, b := range []byte("_-.") {
		c[b] = word | named
	}
	for _, b := range []byte("+/~%") {
		c[b] = word
	}
	for _, b := range []byte(" \t\r\n") {
		c[b] = space
	}
	return t
}

func (c *classes) is(b byte, mask uint8) bool { return c.of[b]&mask != 0 }

// escape returns the length of the JSON escape that ends the backslashes before i, of which s[i] is the letter.
func escape(s string, i int) int {
	if i == 0 || i >= len(s) || s[i-1] != '\\' {
		return 0
	}
	switch s[i] {
	case 'n', 'r', 't', 'b', 'f':
		return 1
	case 'u':
		if i+5 <= len(s) && isHex(s[i+1:i+5]) {
			return 5
		}
	}
	return 0
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}
