package redact

import "strings"

// minWord is the length of the shortest credential that has a shape.
const minWord = 15

// words looks at every run of characters that credentials are made of.
func (t *text) words() {
	s, public := t.s, t.public
	for i := 0; i < len(s); {
		if len(public) > 0 && i >= public[0].start {
			i, public = max(i, public[0].end), public[1:]
			continue
		}
		switch c := s[i]; {
		case c == '\\':
			i++
			i += escape(s, i)
		case c == '<':
			i += max(1, tokenAt(s, i))
		case t.class.is(c, word):
			end := t.wordEnd(i)
			t.word(i, end)
			i = end
		default:
			i++
		}
	}
}

// wordEnd returns the end of the word at i. JSON may have escaped some of its characters.
func (t *text) wordEnd(i int) int {
	s := t.s
	for i < len(s) {
		if t.class.is(s[i], word) {
			i++
			continue
		}
		if s[i] != '\\' {
			break
		}
		n := match(s[i+1:], "/", "u002b", "u002B", "u002f", "u002F")
		if n == 0 {
			break
		}
		i += 1 + n
	}
	return i
}

func (t *text) word(i, end int) {
	w := t.s[i:end]
	if len(w) < minWord {
		if (len(w) == 5 || len(w) == 6) && w[0]|0x20 == 'b' {
			t.scheme64(w, end)
		}
		return
	}
	t.prefixed(i, w)
	t.jwt(i, w)
	t.azure(i, w)
	t.bootstrap(i, w)
	t.runs(i, end)
}

// scheme64 finds what follows Bearer or Basic.
func (t *text) scheme64(w string, end int) {
	bearer, basic := strings.EqualFold(w, "bearer"), strings.EqualFold(w, "basic")
	if !bearer && !basic {
		return
	}
	start := t.gap(end)
	stop := t.padded(t.wordEnd(start))
	value := t.s[start:stop]
	if start == end || stop < len(t.s) && t.s[stop] == '=' {
		return
	}
	if basic && isAuth(value) || bearer && len(value) >= 8 && (strings.ContainsAny(value, "0123456789") || len(value) >= 24) {
		t.add(start, stop, kindAuthorization)
	}
}

// padded goes beyond the = at the end of base64.
func (t *text) padded(i int) int {
	end := i
	for end < len(t.s) && end < i+3 && t.s[end] == '=' {
		end++
	}
	if end-i > 2 || end < len(t.s) && t.class.is(t.s[end], word) {
		return i
	}
	return end
}

// shape is a credential that begins with a mark of its issuer.
type shape struct {
	mark string
	min  int // characters after the mark
	also string
	kind string
}

// shapes are the marks that are known.
func shapes() []shape {
	return []shape{
		{"ghp_", 16, "", kindGitHub},
		{"gho_", 16, "", kindGitHub},
		{"ghu_", 16, "", kindGitHub},
		{"ghs_", 16, "", kindGitHub},
		{"ghr_", 16, "", kindGitHub},
		{"github_pat_", 16, "_", kindGitHub},
		{"glpat-", 12, "_-.", kindGitLab},
		{"gldt-", 12, "_-.", kindGitLab},
		{"glrt-", 12, "_-.", kindGitLab},
		{"glcbt-", 12, "_-.", kindGitLab},
		{"xoxb-", 10, "-", kindSlack},
		{"xoxp-", 10, "-", kindSlack},
		{"xoxa-", 10, "-", kindSlack},
		{"xoxr-", 10, "-", kindSlack},
		{"xoxs-", 10, "-", kindSlack},
		{"xoxo-", 10, "-", kindSlack},
		{"xoxe-", 10, "-", kindSlack},
		{"xapp-", 10, "-", kindSlack},
		{"hooks.slack.com/services/", 8, "/", kindSlack},
		{"AIza", 30, "_-", kindGoogle},
		{"GOCSPX-", 16, "_-", kindGoogle},
		{"ya29.", 16, "_-.", kindGoogle},
		{"AKIA", 16, "", kindAWS},
		{"ASIA", 16, "", kindAWS},
		{"npm_", 20, "", kindPackage},
		{"pypi-", 16, "_-", kindPackage},
		{"dckr_pat_", 16, "_-", kindPackage},
		{"fls_", 16, "", kindVendor},
		{"hvs.", 16, "_-", kindVendor},
		{"sk_live_", 16, "", kindVendor},
		{"rk_live_", 16, "", kindVendor},
		{"sk-ant-", 16, "_-", kindVendor},
		{"sk-proj-", 16, "_-", kindVendor},
	}
}

func (t *text) prefixed(at int, w string) {
	for i := 0; i < len(w)-minWord+1; i++ {
		for _, sh := range t.class.shapes[w[i]] {
			if !strings.HasPrefix(w[i:], sh.mark) {
				continue
			}
			start := i + len(sh.mark)
			end := start
			for end < len(w) && (t.class.is(w[end], lower|upper|digit) || strings.IndexByte(sh.also, w[end]) >= 0) {
				end++
			}
			if end-start >= sh.min {
				t.addShape(at+i, at+end, sh.kind)
				i = end - 1
				break
			}
		}
	}
}

// jwt finds header.payload.signature, the header being an object in base64.
func (t *text) jwt(at int, w string) {
	start := strings.Index(w, "eyJ")
	if start < 0 {
		return
	}
	end, dots, second := start, 0, 0
	for end < len(w) && (t.class.is(w[end], lower|upper|digit) || w[end] == '-' || w[end] == '_' || w[end] == '.') {
		if w[end] == '.' {
			if dots++; dots == 1 {
				second = end + 1
			}
		}
		end++
	}
	if second-start >= 10 && (dots >= 2 || strings.HasPrefix(w[second:], "eyJ")) && end-second >= 4 {
		t.addShape(at+start, at+end, kindJWT)
	}
}

// azure finds the secrets of Entra applications: three characters, a digit, Q~ and the rest.
func (t *text) azure(at int, w string) {
	q := strings.Index(w, "Q~")
	if q < 4 || !t.class.is(w[q-1], digit) {
		return
	}
	end := q + 2
	for end < len(w) && (t.class.is(w[end], named) || w[end] == '~') {
		end++
	}
	if end-q >= 30 {
		t.addShape(at+q-4, at+end, kindAzureSecret)
	}
}

// bootstrap finds the tokens with which nodes join: six characters, a dot, sixteen more.
func (t *text) bootstrap(at int, w string) {
	for dot := 6; dot+17 <= len(w); dot++ {
		if w[dot] != '.' || !alone(w, dot-6, dot+17) || !base36(w[dot-6:dot]) || !base36(w[dot+1:dot+17]) {
			continue
		}
		if !strings.ContainsAny(w[dot-6:dot+17], "0123456789") || eventName(w[dot+1:dot+17]) {
			continue
		}
		t.addShape(at+dot-6, at+dot+17, kindBootstrap)
	}
}

func alone(w string, start, end int) bool {
	inside := func(c byte) bool {
		return c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	if start > 0 && inside(w[start-1]) {
		return false
	}
	return end == len(w) || !inside(w[end]) || w[end] == '.' && end+1 == len(w)
}

func base36(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'z') {
			return false
		}
	}
	return true
}

// eventName tells the time at the end of an event's name, in nanoseconds and hexadecimal.
func eventName(s string) bool { return s[0] == '1' && s[1] >= '5' && s[1] <= '9' && hexLower(s) }
