package configuration

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead"
)

// Seal returns protected settings as the store keeps them: readable with the hub's master key only, and for this
// resource only.
func (s *Service) Seal(key string, values map[string]string) ([]byte, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, errors.New("protected settings cannot be encoded") // the error could quote them
	}
	return s.SealBytes(key, text), nil
}

// SealBytes seals what is kept with the resource of that key.
func (s *Service) SealBytes(key string, text []byte) []byte { return s.Box.Seal(sealedName(key), text) }

// Unseal opens what was sealed for the resource of that key.
func (s *Service) Unseal(key string, sealed []byte) ([]byte, error) {
	return s.Box.Open(sealedName(key), sealed)
}

// Protected returns the protected settings of a resource, none when there are none.
func (s *Service) Protected(ctx context.Context, key string) (map[string]string, error) {
	sealed, err := s.Store.GetSealed(ctx, key)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := s.Unseal(key, sealed)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	if json.Unmarshal(text, &values) != nil {
		return nil, fmt.Errorf("the protected settings of %s are damaged", key)
	}
	return values, nil
}

func sealedName(key string) string { return "resource/" + key }

// Encrypt makes a compact JWE of a JSON object of texts.
func Encrypt(values map[string]string, to *ecdsa.PublicKey) (string, error) {
	if to == nil {
		return "", errors.New("the request was proved by no certificate")
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: to}, nil)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(values)
	if err != nil {
		return "", errors.New("protected settings cannot be encoded")
	}
	sealed, err := encrypter.Encrypt(text)
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}
