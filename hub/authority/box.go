package authority

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

const (
	masterKeySize = 32
	sealFormat    = 1
	keyIDSize     = 8
)

// Box seals secrets with a key that is derived from the master key. A sealed secret is bound to
// its name, so that nobody who can write to the store can pass one secret off as another, and
// carries the id of its key, so that a lost or foreign master key is recognised as such.
type Box struct {
	aead  cipher.AEAD
	keyID []byte
}

// NewBox returns the box of a master key of 32 random bytes.
func NewBox(master []byte) (*Box, error) {
	if len(master) != masterKeySize {
		return nil, fmt.Errorf("a master key has %d bytes, not %d", masterKeySize, len(master))
	}
	key, err := hkdf.Key(sha256.New, master, nil, "fairlead sealed secrets", masterKeySize)
	if err != nil {
		return nil, fmt.Errorf("derive sealing key: %w", err)
	}
	keyID, err := hkdf.Key(sha256.New, master, nil, "fairlead master key id", keyIDSize)
	if err != nil {
		return nil, fmt.Errorf("derive key id: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("prepare cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("prepare cipher: %w", err)
	}
	return &Box{aead: aead, keyID: keyID}, nil
}

// Seal encrypts a secret under its name.
func (b *Box) Seal(name string, secret []byte) []byte {
	return b.aead.Seal(b.header(), nil, secret, []byte(name)) //nolint:gosec // this AEAD takes no nonce, it makes a random one
}

// Open decrypts what Seal returned for the same name.
func (b *Box) Open(name string, sealed []byte) ([]byte, error) {
	header := b.header()
	if len(sealed) < len(header) || sealed[0] != sealFormat {
		return nil, fmt.Errorf("secret %q is not sealed in a known way", name)
	}
	if !bytes.Equal(sealed[:len(header)], header) {
		return nil, fmt.Errorf("secret %q was sealed with another master key (its id is %x, this one's %x)",
			name, sealed[1:len(header)], b.keyID)
	}
	secret, err := b.aead.Open(nil, nil, sealed[len(header):], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("open secret %q: %w", name, errors.New("it was altered or moved"))
	}
	return secret, nil
}

func (b *Box) header() []byte { return append([]byte{sealFormat}, b.keyID...) }
