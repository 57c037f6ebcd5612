package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/fairlead/fairlead"
)

// Recipient is one who can read an encrypted backup.
type Recipient = age.Recipient

// Identity is what a Recipient reads an encrypted backup with.
type Identity = age.Identity

const (
	// How every file of age begins (https://age-encryption.org/v1).
	ageMark       = "age-encryption.org/"
	maxPassphrase = 1 << 10
	maxIdentities = 64 << 10
)

// ParseRecipient reads a public key of age, such as age1….
func ParseRecipient(text string) (Recipient, error) {
	found, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(found) != 1 {
		return nil, fairlead.Errorf(fairlead.Invalid, "%.80q is no recipient: it should be a public key as age-keygen prints it, age1…", text)
	}
	return found[0], nil
}

// PassphraseRecipient is whoever knows the passphrase in a file.
func PassphraseRecipient(file string) (Recipient, error) {
	text, err := passphrase(file)
	if err != nil {
		return nil, err
	}
	made, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, fmt.Errorf("use the passphrase in %s: %w", file, err)
	}
	return made, nil
}

// PassphraseIdentity reads what PassphraseRecipient can read.
func PassphraseIdentity(file string) (Identity, error) {
	text, err := passphrase(file)
	if err != nil {
		return nil, err
	}
	made, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("use the passphrase in %s: %w", file, err)
	}
	return made, nil
}

// passphrase is the first line of a file. Neither errors nor logs ever hold it.
func passphrase(file string) (string, error) {
	content, err := readSome(file, maxPassphrase)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fairlead.Errorf(fairlead.Invalid, "%s holds no passphrase in its first line", file)
	}
	return line, nil
}

// Identities reads a file of private keys of age, as age-keygen writes it.
func Identities(file string) ([]Identity, error) {
	content, err := readSome(file, maxIdentities)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	found, err := age.ParseIdentities(bytes.NewReader(content))
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "%s holds no private key of age: it should have a line that begins with AGE-SECRET-KEY-", file)
	}
	return found, nil
}

func readSome(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the administrator names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // was only read
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return content, err
}

// sealed writes content for the recipients, or as it is when there are none.
func sealed(to io.Writer, recipients []Recipient, content func(io.Writer) error) error {
	if len(recipients) == 0 {
		return content(to)
	}
	encrypted, err := age.Encrypt(to, recipients...)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if err := content(encrypted); err != nil {
		return err
	}
	if err := encrypted.Close(); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	return nil
}

// wrongIdentity says what is wrong with the identities that did not open a backup, by the kinds of recipients that it has.
func wrongIdentity(recipients []string, identities []Identity) string {
	passphrases := slices.ContainsFunc(identities, func(one Identity) bool { _, ok := one.(*age.ScryptIdentity); return ok })
	switch needed := slices.Contains(recipients, "scrypt"); {
	case needed && passphrases:
		return "the passphrase is wrong"
	case needed:
		return "the backup was encrypted with a passphrase: name the file that has it with --passphrase-file FILE"
	case passphrases && len(identities) == 1:
		return "the backup was encrypted for a public key, not with a passphrase: name the private key with --identity FILE"
	}
	return "the backup was encrypted for another key than those in --identity"
}

// opened returns what sealed was given. Each piece is authenticated before it is handed out.
func opened(from io.Reader, identities []Identity) (io.Reader, error) {
	buffered := bufio.NewReader(from)
	mark, _ := buffered.Peek(len(ageMark)) // whatever is shorter is not encrypted
	if string(mark) != ageMark {
		return buffered, nil
	}
	if len(identities) == 0 {
		return nil, fairlead.Errorf(fairlead.Invalid, "the backup is encrypted: name the private key with --identity FILE, or the passphrase with --passphrase-file FILE")
	}
	clear, err := age.Decrypt(buffered, identities...)
	if mismatch, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, fairlead.Errorf(fairlead.Invalid, "%s", wrongIdentity(mismatch.StanzaTypes, identities))
	}
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the backup cannot be decrypted: %w", err)
	}
	return clear, nil
}
