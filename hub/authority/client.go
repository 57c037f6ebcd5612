package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"time"

	"github.com/fairlead/fairlead"
)

// maxRequest bounds a certificate request; one for a P-256 key needs about 200 bytes.
const maxRequest = 8 << 10

// IssueClient signs a client certificate for the P-256 key of a DER PKCS#10 request, whose other
// contents it ignores: the certificate says only what uris say. It returns the chain, leaf first. A
// request that cannot be honoured is an Invalid error.
func (a *Authority) IssueClient(csr []byte, uris []*url.URL, ttl time.Duration) ([]*x509.Certificate, error) {
	key, err := requestedKey(csr)
	if err != nil {
		return nil, err
	}
	now := a.now()
	issuing := a.state.Load().issuing()
	leaf, err := issuing.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "Fairlead connected cluster"},
		URIs:      uris,
		NotBefore: now.Add(-skew), NotAfter: now.Add(ttl),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key)
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{leaf, issuing.certificate}, nil
}

// requestedKey returns the key of a certificate request once its signature shows that the
// requester holds it.
func requestedKey(csr []byte) (*ecdsa.PublicKey, error) {
	if len(csr) > maxRequest {
		return nil, invalidRequest("it is larger than %d bytes", maxRequest)
	}
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, invalidRequest("it is not a DER PKCS#10 request")
	}
	if err := request.CheckSignature(); err != nil {
		return nil, invalidRequest("its signature does not match its key")
	}
	key, ok := request.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, invalidRequest("its key is not an ECDSA key on P-256")
	}
	return key, nil
}

func invalidRequest(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, "the certificate request is refused: "+format, args...).WithCode("InvalidCertificateRequest")
}
