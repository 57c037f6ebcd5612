package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Signer signs requests with one key. Chain, leaf first, travels along when the hub is to
// recognise the key by a certificate of its own; without it the hub must know the key. The key is
// P-256 or RSA.
type Signer struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
	Now   func() time.Time
}

// Sign adds the proof of r, whose body is body, to r's headers.
func (s Signer) Sign(r *http.Request, body []byte) error {
	payload, err := json.Marshal(claims{
		Method: r.Method, Target: target(r), IssuedAt: s.Now().Unix(), ID: rand.Text(), BodyHash: bodyHash(body),
	})
	if err != nil {
		return fmt.Errorf("encode proof: %w", err)
	}
	signer, err := s.jws()
	if err != nil {
		return err
	}
	object, err := signer.Sign(payload)
	if err != nil {
		return fmt.Errorf("sign proof: %w", err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	r.Header.Set(Header, text)
	return nil
}

func (s Signer) jws() (jose.Signer, error) {
	algorithm, err := algorithmOf(s.Key)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{}).WithType(proofType)
	if len(s.Chain) > 0 {
		options = options.WithHeader("x5c", encodeChain(s.Chain))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: s.Key}, options)
	if err != nil {
		return nil, fmt.Errorf("prepare proof: %w", err)
	}
	return signer, nil
}

func algorithmOf(key crypto.Signer) (jose.SignatureAlgorithm, error) {
	switch key.(type) {
	case *ecdsa.PrivateKey:
		return jose.ES256, nil
	case *rsa.PrivateKey:
		return jose.PS256, nil
	default:
		return "", fmt.Errorf("a proof cannot be signed with a %T", key)
	}
}

func encodeChain(chain []*x509.Certificate) []string {
	encoded := make([]string, len(chain))
	for i, certificate := range chain {
		encoded[i] = base64.StdEncoding.EncodeToString(certificate.Raw)
	}
	return encoded
}
