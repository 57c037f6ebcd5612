package redact

import "strings"

// maxUser is the longest user information of a URL that is looked for.
const maxUser = 2048

// urls finds user information: everything between the slashes and the @ before the host.
func (t *text) urls() {
	for i := index(t.s, `/\`, 0); i < len(t.s); i = index(t.s, `/\`, i) { // slashes that JSON has escaped
		i = t.skip(i+1, `\`)
		if i < len(t.s) && t.s[i] == '/' {
			t.user(i+1, "@")
		}
	}
	for _, slashes := range []string{"//", "%2F%2F", "%2f%2f"} {
		at := "@"
		if slashes[0] == '%' {
			at = "%40"
		}
		for i := index(t.s, slashes, 0); i < len(t.s); i = index(t.s, slashes, i) {
			i += len(slashes)
			t.user(i, at)
		}
	}
	for _, network := range []string{"@tcp(", "@unix(", "@tcp4(", "@tcp6("} { // user:password@tcp(host:port)/database
		last := 0
		for i := index(t.s, network, 0); i < len(t.s); i = index(t.s, network, i+1) {
			t.dsn(last, i)
			last = i
		}
	}
}

// user looks for user information from i on, before the mark at.
func (t *text) user(i int, at string) {
	run := t.s[i : i+t.reach(i, at)]
	end := strings.LastIndex(run[:until(run, "/?#")], at)
	if end < 0 {
		end = unescaped(run, at)
	} else if host := run[end+len(at):]; !strings.ContainsAny(host[:until(host, "/?#")], ".:") && strings.Contains(host, at) && strings.Contains(run[:end], ":") {
		end = strings.LastIndex(run, at)
	}
	if end <= 0 || clean(run[:end]) || digest(run[end+len(at):]) {
		return
	}
	t.add(i, i+end, kindURL)
}

// unescaped finds the end of a password with a slash in it: what precedes is user:text, and text is no port.
func unescaped(run, at string) int {
	authority := run[:until(run, "/?#")]
	_, port, ok := strings.Cut(authority, ":")
	if !ok || strings.HasPrefix(authority, "[") || strings.Trim(port, "0123456789") == "" {
		return -1
	}
	return strings.LastIndex(run, at)
}

// reach returns how far a URL could go from i on; a following URL ends it.
func (t *text) reach(i int, at string) int {
	s := t.s[i:min(len(t.s), i+maxUser)]
	for n := range len(s) {
		switch s[n] {
		case ' ', '\t', '\n', '\r', '"', '`', '\\':
			return n
		case '\'':
			if n+1 == len(s) || strings.IndexByte(" ,;)]}\n", s[n+1]) >= 0 {
				return n
			}
		case '%':
			if at != "@" && match(s[n:], "%2F", "%2f") > 0 {
				return n
			}
		case '/':
			if strings.HasPrefix(s[n:], "//") {
				return n
			}
		}
	}
	return len(s)
}

// clean tells user information that may stay: git, placeholders, what was replaced already.
func clean(info string) bool {
	if info == "git" || replaced(info) {
		return true
	}
	user, password, _ := strings.Cut(info, ":")
	return mute(user) && mute(password)
}

func replaced(info string) bool {
	digits, ok := strings.CutPrefix(info, userStart)
	return ok && len(digits) == digitCount && hexLower(digits)
}

func digest(s string) bool { return match(s, "sha256:", "sha512:", "sha384:", "sha1:") > 0 }

func (t *text) dsn(last, at int) {
	low := max(last, at-maxUser)
	start := at
	for start > low && strings.IndexByte(" \t\n\"'`=\\", t.s[start-1]) < 0 {
		start--
	}
	if strings.Contains(t.s[start:at], "//") || clean(t.s[start:at]) {
		return
	}
	t.add(start, at, kindURL)
}
