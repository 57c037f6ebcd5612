package config

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// How much a sealed text may hold: a Secret takes one MiB.
const maxSealed = 2 << 20

// unseal opens a compact JWE of a JSON object of texts. No error holds anything of the texts.
func unseal(sealed string, key *ecdsa.PrivateKey) (map[string]string, error) {
	if len(sealed) > maxSealed {
		return nil, fmt.Errorf("they are larger than %d bytes", maxSealed)
	}
	parsed, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, errors.New("they are no JWE with ECDH-ES+A256KW and A256GCM")
	}
	text, err := parsed.Decrypt(key)
	if err != nil {
		return nil, errors.New("they are for another key than that of the identity certificate; the hub is asked again")
	}
	var settings map[string]string
	if json.Unmarshal(text, &settings) != nil {
		return nil, errors.New("they are no JSON object of texts")
	}
	return settings, nil
}
