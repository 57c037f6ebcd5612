package client

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 10 * time.Minute
)

// Certificate is the key of a service principal, with the certificate that the hub knows.
type Certificate struct {
	key *rsa.PrivateKey
	der []byte
}

// ReadCertificate reads a private key and its certificate from one PEM text.
func ReadCertificate(text []byte) (*Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the file needs a certificate and its private key in PEM form: %w", err)
	}
	key, ok := pair.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return nil, fairlead.Errorf(fairlead.Invalid, "the private key must be an RSA key")
	}
	parsed, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the certificate cannot be read: %w", err)
	}
	return &Certificate{key: key, der: parsed.Raw}, nil
}

// assertion proves possession of the key to the token endpoint, once.
func (c *Certificate) assertion(clientID, endpoint string, now time.Time) (string, error) {
	sum := sha256.Sum256(c.der)
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(sum[:]))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: c.key}, options)
	if err != nil {
		return "", fmt.Errorf("prepare to sign: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: clientID, Subject: clientID, Audience: jwt.Audience{endpoint}, ID: rand.Text(),
		NotBefore: jwt.NewNumericDate(now), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text, nil
}
