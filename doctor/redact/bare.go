package redact

import "strings"

// narrow goes to the end of one word. Passwords have commas and semicolons too: these end a value only where
// another setting or nothing follows.
func (t *text) narrow(i, stop int) int {
	s := t.s
	for i < stop {
		if n := tokenAt(s, i); n > 0 {
			i += n
			continue
		}
		if t.stops(i) {
			return i
		}
		i++
	}
	return i
}

func (t *text) stops(i int) bool {
	s, rest := t.s, t.s[i+1:]
	switch s[i] {
	case ' ', '\t', '\n', '\r', '"', '`':
		return true
	case '\'':
		return rest == "" || strings.IndexByte(" ,;)]}\n", rest[0]) >= 0
	case '<':
		return strings.HasPrefix(rest, "/")
	case '&', ',', ';':
		return rest == "" || strings.IndexByte(" \t\n\"'\\", rest[0]) >= 0 || t.assigns(rest)
	case ')', ']', '}':
		return rest == "" || strings.IndexByte(" \t\n\"'\\,;:)]}", rest[0]) >= 0
	case '%':
		return match(s[i:], "%26", "%22", "%0A", "%0a") > 0
	case '\\':
		return match(rest, "n", "r", "t", `"`, `\`, "u0026", "u0022", "u0027", "u003c/", "u003C/") > 0
	}
	return false
}

// headerValue notes the credentials of a header that stands without quotes.
func (t *text) headerValue(k key, i int) int {
	start := t.scheme(i, len(t.s))
	scheme := strings.ToLower(strings.TrimSpace(t.s[i:start]))
	end := t.narrow(start, len(t.s))
	if scheme != "" && scheme != "bearer" && scheme != "basic" && scheme != "token" && scheme != "negotiate" {
		end = max(end, t.wide(key{}, start))
	}
	return t.secret(k, start, end, "")
}

func blockMark(value string) bool {
	value = strings.TrimSpace(value)
	if rest, ok := strings.CutPrefix(strings.TrimLeft(value, `\`), "u003e"); ok {
		value = ">" + rest
	}
	return value != "" && len(value) <= 3 && (value[0] == '|' || value[0] == '>') && strings.Trim(value[1:], "+-123456789") == ""
}

// prose tells "failed to refresh token: dial tcp …" from a setting.
func (t *text) prose(k key, i int) bool {
	s := t.s
	if i == 0 || s[i-1] != ' ' || k.start == 0 || s[k.start-1] != ' ' {
		return false
	}
	end := i
	for end < len(s) && end < i+20 && t.class.is(s[end], lower|upper|digit) {
		end++
	}
	value := s[i:end]
	if value == "" || end+1 >= len(s) {
		return false
	}
	if s[end] == ':' && s[end+1] == ' ' {
		return len(value) <= 10
	}
	if s[end] != ' ' {
		return false
	}
	if saying(value) {
		return true
	}
	letters := strings.Trim(strings.ToLower(value), "abcdefghijklmnopqrstuvwxyz") == ""
	return k.name.kind != kindPassword && letters && (value[1:] == strings.ToLower(value[1:])) && strings.IndexByte("abcdefghijklmnopqrstuvwxyz\"(\\", s[end+1]) >= 0
}

// saying are words with which the reason of a failure begins.
func saying(w string) bool {
	switch w {
	case "dial", "context", "failed", "error", "invalid", "unable", "cannot", "could", "the", "is", "not", "no", "expired", "missing",
		"required", "Get", "Post", "Unauthorized", "rpc", "unexpected", "lookup", "timeout", "connection", "open", "stat", "read",
		"write", "malformed", "illegal", "found", "has", "was", "a", "an", "in", "must", "should", "user", "authentication", "access", "too":
		return true
	}
	return false
}
