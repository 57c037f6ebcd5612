// Package password keeps what people sign in with: how strong it must be, how it is hashed, and how it
// is checked. It knows nothing of tokens or of HTTP; store keeps the hashes where those of secrets are.
package password

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/fairlead/fairlead"
)

// Password is what a person types. Logs and errors show only that there is one.
type Password string

// LogValue redacts the password.
func (Password) LogValue() slog.Value { return slog.StringValue("redacted") }

// String redacts the password, also inside of structures that somebody prints.
func (Password) String() string { return "redacted" }

// GoString redacts the password.
func (Password) GoString() string { return "redacted" }

// The bounds that Entra has, and three of the four kinds of characters.
const (
	minLength = 8
	maxLength = 256
	kinds     = 3
)

// Check says whether a password may be chosen for a user of that name; if not, why.
func (p Password) Check(userName string) error {
	name, _, _ := strings.Cut(userName, "@")
	length := utf8.RuneCountInString(string(p))
	switch {
	case length < minLength || length > maxLength:
		return weak("it must have between %d and %d characters", minLength, maxLength)
	case !utf8.ValidString(string(p)):
		return weak("it is not text")
	case p.kinds() < kinds:
		return weak("it must have characters of %d of these kinds: lower-case letters, capitals, digits, others", kinds)
	case len(name) > 2 && strings.Contains(strings.ToLower(string(p)), strings.ToLower(name)):
		return weak("it must not contain the user's name")
	}
	return nil
}

func (p Password) kinds() int {
	seen := map[string]bool{}
	for _, r := range p {
		switch {
		case unicode.IsLower(r):
			seen["lower"] = true
		case unicode.IsUpper(r):
			seen["upper"] = true
		case unicode.IsDigit(r):
			seen["digit"] = true
		default:
			seen["other"] = true
		}
	}
	return len(seen)
}

func weak(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, "The specified password does not comply with password complexity requirements: "+
		format+". Please provide a different password.", args...).WithCode("Request_BadRequest")
}

// The cost of one hash: argon2id with the memory, passes and lanes that OWASP's password storage cheat sheet
// has first. At most so many run at once, so that sign-in can neither fill the memory nor take every core.
const (
	memory     = 19 << 10 // KiB
	passes     = 2
	lanes      = 1
	saltLength = 16
	keyLength  = 32
	atOnce     = 2
)

// Hasher hashes and compares passwords, a bounded number at once. The zero value is ready, and one hub needs one.
type Hasher struct {
	once  sync.Once
	slots chan struct{}
}

func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	h.once.Do(func() { h.slots = make(chan struct{}, atOnce) })
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compare a password: %w", ctx.Err())
	}
}

// Hash returns what may be stored of a password, in the usual text form of argon2, which names its own cost.
// The error is the context's.
func (h *Hasher) Hash(ctx context.Context, p Password) ([]byte, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // it never fails
	made := hashed{memory: memory, passes: passes, lanes: lanes, salt: salt}
	made.key = made.derive(p)
	return made.text(), nil
}

// Matches reports whether hash was made of the password. Without a hash, or with one of something else, it
// takes as long and reports false: how long an answer takes does not tell who exists. The error is the context's.
func (h *Hasher) Matches(ctx context.Context, p Password, hash []byte) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if len(p) > maxLength*utf8.UTFMax {
		p = ""
	}
	stored, known := parse(hash)
	if !known {
		stored = hashed{memory: memory, passes: passes, lanes: lanes, salt: make([]byte, saltLength), key: make([]byte, keyLength)}
	}
	right := subtle.ConstantTimeCompare(stored.derive(p), stored.key) == 1
	return right && known, nil
}

// hashed is a hash with the cost at which it was made.
type hashed struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

func (h hashed) derive(p Password) []byte {
	return argon2.IDKey([]byte(p), h.salt, h.passes, h.memory, h.lanes, keyLength)
}

const form = "$argon2id$v=19$m=%d,t=%d,p=%d$"

func (h hashed) text() []byte {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Appendf(nil, form+"%s$%s", h.memory, h.passes, h.lanes, encode(h.salt), encode(h.key))
}

// parse reads a hash, but none that would cost more than a few times what ours cost.
func parse(text []byte) (hashed, bool) {
	var found hashed
	parts := bytes.Split(text, []byte("$"))
	if len(parts) != 6 || len(text) > 512 {
		return found, false
	}
	prefix := string(bytes.Join(parts[:4], []byte("$"))) + "$"
	if n, err := fmt.Sscanf(prefix, form, &found.memory, &found.passes, &found.lanes); err != nil || n != 3 {
		return found, false
	}
	salt, failed := base64.RawStdEncoding.DecodeString(string(parts[4]))
	key, failed2 := base64.RawStdEncoding.DecodeString(string(parts[5]))
	found.salt, found.key = salt, key
	affordable := found.memory >= 8 && found.memory <= 4*memory && found.passes >= 1 && found.passes <= 4*passes && found.lanes >= 1 && found.lanes <= 4
	return found, failed == nil && failed2 == nil && affordable && len(salt) >= 8 && len(key) == keyLength
}
