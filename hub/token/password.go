package token

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/fairlead/fairlead"
)

// Bounds of passwords that people choose: what NIST SP 800-63B asks for at least, and more than
// anybody types.
const (
	MinPassword = 8
	MaxPassword = 256
)

// The cost of a password's hash: OWASP's second choice for Argon2id. They are written into each hash, so
// that they can be raised without losing anybody's password.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
	// Bounds what a stored hash can make the hub spend.
	maxArgonMemory = 256 << 10
	maxArgonTime   = 16
)

// Password is what a person signs in with. Unlike a Secret it may be guessed, and its hash is slow.
type Password string

// LogValue redacts the password.
func (Password) LogValue() slog.Value { return slog.StringValue("redacted") }

// Check refuses passwords that are too short to be any good or longer than anybody types.
func (p Password) Check() error {
	if len(p) < MinPassword || len(p) > MaxPassword {
		return fairlead.Errorf(fairlead.Invalid, "a password has between %d and %d characters", MinPassword, MaxPassword)
	}
	return nil
}

// Hash returns what may be stored of a password, with all that is needed to compare.
func (p Password) Hash() []byte {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails: it ends the process instead
	key := argon2.IDKey([]byte(p), salt, argonTime, argonMemory, argonThreads, argonKey)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Appendf(nil, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, encode(salt), encode(key))
}

// Matches compares with what Hash has returned; with anything else it is false.
func (p Password) Matches(hash []byte) bool {
	var version, memory, time, threads uint32
	parts := strings.Split(string(hash), "$")
	if len(parts) != 6 || parts[1] != "argon2id" || len(p) > MaxPassword {
		return false
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil {
		return false
	}
	salt, failed := base64.RawStdEncoding.DecodeString(parts[4])
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if failed != nil || err != nil || len(want) != argonKey || memory > maxArgonMemory || time == 0 || time > maxArgonTime || threads == 0 || threads > 16 {
		return false
	}
	return subtle.ConstantTimeCompare(argon2.IDKey([]byte(p), salt, time, memory, uint8(threads), argonKey), want) == 1
}
