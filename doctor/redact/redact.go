// Package redact removes secrets from what the doctor shows and stores. It looks at structure first (names of
// settings, Secrets, headers, URLs), then at the shapes of known credentials, then at randomness. What it
// takes out it replaces by a token that says which kind it was and lets one see that two places hold the same.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/url"
	"strings"
	"sync"
)

// maxPasses bounds how often a text is looked at again. The second look usually finds nothing.
const maxPasses = 6

// Redactor replaces secrets by tokens; the same secret gets the same token. It may be used by several goroutines.
type Redactor struct {
	salt    []byte
	class   classes
	mu      sync.Mutex
	kinds   map[string]string // by the six digits: a secret keeps the kind under which it was first seen
	removed map[string]int
}

// New returns a Redactor whose tokens depend on the salt. Take the salt from crypto/rand and keep it nowhere:
// with it, one could try out guesses.
func New(salt []byte) *Redactor {
	return &Redactor{salt: []byte(string(salt)), class: newClasses(), kinds: map[string]string{}, removed: map[string]int{}}
}

// Text returns a log, a message or a manifest without its secrets. What is redacted already stays as it is.
func (r *Redactor) Text(s string) string {
	for range maxPasses {
		spans := r.find(s)
		if len(spans) == 0 {
			return s
		}
		s = r.replace(s, spans)
	}
	if len(r.find(s)) == 0 {
		return s
	}
	return r.token(kindText, s)
}

// Value returns the value of a named setting: nothing of it, whatever it looks like, when the name says that
// it is a secret, and what Text leaves otherwise.
func (r *Redactor) Value(key, value string) string {
	name := nameOf(key)
	if mute(value) || onlyTokens(value) || !name.covers(strings.TrimSpace(value)) {
		return r.Text(value)
	}
	kind := name.kind
	if spans := r.shapes(value); len(spans) == 1 && spans[0].end-spans[0].start == len(value) {
		kind = spans[0].kind
	}
	return r.token(kind, value)
}

// Removed counts what was taken out so far, by kind.
func (r *Redactor) Removed() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.removed)
}

func (r *Redactor) token(kind, secret string) string {
	digits, kind := r.record(kind, secret)
	return tokenStart + kind + ":" + digits + ">"
}

// user stands for the user information of a URL. A token has characters that a URL may not have there, and
// the doctor wants to read scheme, host and port from what is left.
func (r *Redactor) user(info string) string {
	if _, password, ok := strings.Cut(info, ":"); ok && password != "" {
		info = password
	}
	digits, _ := r.record(kindURL, info)
	return userStart + digits
}

func (r *Redactor) record(kind, secret string) (digits, seen string) {
	mac := hmac.New(sha256.New, r.salt)
	mac.Write([]byte(canonical(secret)))
	digits = hex.EncodeToString(mac.Sum(nil)[:3])
	r.mu.Lock()
	defer r.mu.Unlock()
	seen, ok := r.kinds[digits]
	if !ok {
		r.kinds[digits], seen = kind, kind
	}
	r.removed[seen]++
	return digits, seen
}

// canonical makes one secret of the ways in which it can be written.
func canonical(secret string) string {
	secret = strings.TrimSpace(secret)
	if strings.Contains(secret, privateKey) {
		return strings.NewReplacer(`\n`, "", `\r`, "", `\`, "", "\n", "", "\r", "", "\t", "", " ", "").Replace(secret)
	}
	if strings.Contains(secret, `\`) {
		secret = strings.NewReplacer(`\/`, "/", `\u002b`, "+", `\u003d`, "=", `\u0026`, "&").Replace(secret)
	}
	if strings.Contains(secret, "%") {
		if plain, err := url.PathUnescape(secret); err == nil {
			return plain
		}
	}
	return secret
}

// find returns what is to be replaced, in order and apart.
func (r *Redactor) find(s string) []span {
	t := &text{s: s, class: &r.class}
	t.keys()
	t.urls()
	t.assignments()
	t.manifests()
	t.words()
	return settle(s, t.spans)
}

// shapes returns what is a secret by its looks alone.
func (r *Redactor) shapes(s string) []span {
	t := &text{s: s, class: &r.class}
	t.keys()
	t.words()
	return settle(s, t.spans)
}

func (r *Redactor) replace(s string, spans []span) string {
	var out strings.Builder
	out.Grow(len(s))
	at := 0
	for _, p := range spans {
		out.WriteString(s[at:p.start])
		if p.kind == kindURL {
			out.WriteString(r.user(s[p.start:p.end]))
		} else {
			out.WriteString(p.quote + r.token(p.kind, s[p.start:p.end]) + p.quote)
		}
		at = p.end
	}
	out.WriteString(s[at:])
	return out.String()
}
